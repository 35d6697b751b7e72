"""A report as tables, axes, pages and files."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import pytest

import layerlab

matplotlib.use("Agg")


def test_scores(report: layerlab.Report) -> None:
    scores = report.scores
    assert scores.shape[0] == 12 and scores.index.name == "layer"
    methods = report.document["scoring"]["scores"]["methods"]
    assert list(scores.columns) == [method["id"] for method in methods]
    influence = next(method for method in methods if method["id"] == "block_influence")
    assert scores["block_influence"][3] == influence["layers"][3]["value"]
    intervals = report.intervals["block_influence"]
    assert (intervals["low"] <= scores["block_influence"] + 1e-9).all()
    assert "last_k" not in report.intervals.columns.get_level_values(0)


def test_kept(report: layerlab.Report) -> None:
    kept = report.kept
    perplexity = kept[kept.metric == "perplexity"]
    pairs = set(zip(perplexity.method, perplexity.healing, strict=True))
    refused = {(tuple(one["removed"]), one["way"]) for one in report.document["pruning"]["healing"]["refused"]}
    plans = report.document["pruning"]["plans"]
    expected = {(plan["method"], "none") for plan in plans}
    expected |= {(plan["method"], "refit") for plan in plans if (tuple(plan["removed"]), "refit") not in refused}
    assert pairs == expected
    assert ((perplexity.low <= perplexity.kept) & (perplexity.kept <= perplexity.high)).mean() > 0.5
    whole = next(
        metric["value"]
        for task in report.document["evaluation"]
        for metric in task["metrics"]
        if metric["metric"] == "perplexity"
    )
    assert perplexity.kept.to_list() == pytest.approx((whole / perplexity.value).to_list())


def test_cuts(report: layerlab.Report) -> None:
    cuts = report.cuts
    assert len(cuts) == len(report.document["pruning"]["healing"]["cuts"])
    assert (cuts[cuts.layers > 0].kept >= 0.9).all()


def test_what_was_not_measured_is_empty() -> None:
    report = layerlab.locate(items=8, resamples=0, quiet=True)
    assert report.scores.empty and report.kept.empty and report.cuts.empty
    assert list(report.cuts.columns) == ["method", "schedule", "healing", "layers", "is_whole_plan", "kept", "low", "high"]
    with pytest.raises(ValueError, match="no scores"):
        report.plot_scores()
    with pytest.raises(ValueError, match="kept by perplexity"):
        report.plot_kept()


def test_words(report: layerlab.Report) -> None:
    assert report.conclusions and all(isinstance(one, str) for one in report.conclusions)
    assert set(report.document["warnings"]) <= set(report.warnings)
    assert repr(report) == "<Report: run of atlas, 12 layers>"


def test_files(report: layerlab.Report, tmp_path: Path) -> None:
    report.save(tmp_path / "report.json")
    again = layerlab.Report.load(tmp_path / "report.json")
    assert again.document == report.document
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("{", "it is not JSON"),
        ("[]", "its schema is None"),
        ('{"schema": "layerlab/9"}', "'layerlab/9', and only layerlab/1 is read"),
    ],
)
def test_what_is_no_report_is_refused(contents: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(contents)
    with pytest.raises(layerlab.LabError) as refused:
        layerlab.Report.load(path)
    assert message in str(refused.value)
    with pytest.raises(layerlab.LabError, match="cannot read"):
        layerlab.Report.load(tmp_path / "none.json")


class Tags(HTMLParser):
    """Counts tags, and knows whether they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_and_its_sections(report: layerlab.Report) -> None:
    page, shown = report.to_html(), report._repr_html_()
    assert page.startswith("<!DOCTYPE html>")
    tags = Tags()
    tags.feed(shown)
    assert not tags.open
    assert tags.seen.count("section") == page.count("<section>") > 3
    assert "svg" in tags.seen and "script" not in tags.seen and "body" not in tags.seen
    style = shown.partition("</style>")[0]
    assert ":root" not in style and not re.search(r"\bbody", style) and "--ink" in style
    assert report.conclusions[0][:40] in shown


def test_axes(report: layerlab.Report) -> None:
    axes = report.plot_scores(method="block_influence")
    assert axes.get_xlabel() == "layer"
    assert axes.get_ylabel() == "Block Influence (1 − cosine)"
    assert len(axes.patches) == 12 and len(axes.collections) == 1
    kept = report.plot_kept()
    assert kept.get_xlabel().startswith("perplexity kept of the whole model's (%)")
    assert [label.get_text() for label in kept.get_yticklabels()] == ["Block Influence", "last k"]
    told = [text.get_text() for text in kept.get_legend().get_texts()]
    assert told == ["to be kept: 90 %", "as cut", "healed by refit"]
    same = report.plot_scores(axes, method="avss")
    assert same is axes
    with pytest.raises(ValueError, match="no scores by nothing; it has avss"):
        report.plot_scores(method="nothing")
    matplotlib.pyplot.close("all")


def test_every_ranking_has_a_unit(report: layerlab.Report) -> None:
    from layerlab._plots import _unit

    methods = report.document["scoring"]["scores"]["methods"]
    assert all(_unit(method["id"]) for method in methods if method["role"] != "baseline")
    assert not any(_unit(method["id"]) for method in methods if method["role"] == "baseline")


def test_documents_are_those_of_the_command(report: layerlab.Report) -> None:
    json.dumps(report.document, allow_nan=False)
