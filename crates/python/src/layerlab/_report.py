"""What was found, as the command wrote it."""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from . import _plots, _rows
from ._needed import needed
from ._process import execute
from .errors import LabError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

SCHEMA = "layerlab/1"
IN_A_NOTEBOOK = "table { table-layout: auto; } dt { font-weight: normal; }"
"""Against what notebooks do to all tables and lists: columns of one width, whatever stands in them."""


class Report:
    """One experiment on one model. In a notebook it shows its sections with their charts.

    `document` is the whole of it as JSON has it; its schema is `layerlab/1`.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        found = document.get("schema") if isinstance(document, dict) else None
        if found != SCHEMA:
            raise LabError(f"this is no report: its schema is {found!r}, and only {SCHEMA} is read")
        self.document = document

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Report:
        """Reads a report that was saved as JSON, by this package, the command or the page."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise LabError(f"cannot read {os.fspath(path)}: {error.strerror}") from error
        except ValueError as error:
            raise LabError(f"{os.fspath(path)} is no report: it is not JSON ({error})") from error
        return cls(document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as JSON; what was there is replaced whole or not at all."""
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(self.document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        part.replace(path)

    @property
    def conclusions(self) -> list[str]:
        """What to conclude, in sentences."""
        return list(self.document.get("conclusions", ()))

    @property
    def warnings(self) -> list[str]:
        """What a reader must know about the run and its scores."""
        scoring = self.document.get("scoring")
        return [*self.document["warnings"], *(scoring["scores"]["warnings"] if scoring else ())]

    @property
    def scores(self) -> DataFrame:
        """Scores: a row for each layer, a column for each method. Without scores it is empty."""
        table = {one["id"]: [row["value"] for row in one["layers"]] for one in _rows.methods(self.document)}
        return self._by_layer(table)

    @property
    def intervals(self) -> DataFrame:
        """Bootstrap intervals of the scores: a row for each layer, the columns `low` and `high` for each method that has them."""
        ends = [
            (one["id"], end, [row[end] for row in one["layers"]])
            for one in _rows.methods(self.document)
            for end in ("low", "high")
        ]
        table = {(method, end): column for method, end, column in ends if any(one is not None for one in column)}
        return self._by_layer(table)

    @property
    def kept(self) -> DataFrame:
        """What is kept of the whole model: a row for each plan, way of healing, dataset and metric.

        `kept` is a share, with its interval from `low` to `high`; `p_adjusted` is corrected for all comparisons (Holm).
        """
        return self._table(list(_rows.kept(self.document)), _rows.KEPT)

    @property
    def cuts(self) -> DataFrame:
        """The most layers that can go by each plan and way of healing while the share asked for (`keep=`) is kept."""
        return self._table(list(_rows.cuts(self.document)), _rows.CUTS)

    @property
    def sensitivity(self) -> DataFrame:
        """By how much the loss changes, in nats per token, with each layer alone in few bits: a row for each layer, its interval
        from `low` to `high`."""
        found = _rows.sensitivity(self.document)
        return self._by_layer({name: [one[name] for one in found] for name in ("value", "low", "high")})

    def plot_scores(self, ax: Axes | None = None, *, method: str | None = None) -> Axes:
        """Scores of one method, with their intervals: loss change where it was measured, else the first."""
        return _plots.scores(self.document, ax, method)

    def plot_kept(self, ax: Axes | None = None, *, metric: str = "perplexity", dataset: str | None = None) -> Axes:
        """What each plan keeps, as cut and healed, with intervals: of one metric on one dataset, the first if not given."""
        return _plots.kept(self.document, ax, metric, dataset)

    def to_html(self) -> str:
        """A page with charts, without scripts, readable offline."""
        return self._page

    def _repr_html_(self) -> str:
        """The sections of the page, with styles that reach nothing else in the notebook."""
        style = _between(self._page, "<style>", "</style>")
        # Rules of the whole page become rules of this box.
        style = re.sub(r"(^|[{}])(\s*)(?::root|body)(\s*\{)", r"\1\2&\3", style, flags=re.MULTILINE)
        sections = _between(self._page, "<main>", "</main>")
        return f'<style>.layerlab {{ {style} {IN_A_NOTEBOOK} }}</style><div class="layerlab">{sections}</div>'

    def __repr__(self) -> str:
        model = self.document["model"]
        return f"<Report: {self.document['experiment']} of {model['name']}, {model['layers']} layers>"

    @cached_property
    def _page(self) -> str:
        with TemporaryDirectory(prefix="layerlab-") as folder:
            report, page = Path(folder, "report.json"), Path(folder, "report.html")
            self.save(report)
            execute(["show", str(report), f"--html={page}"], quiet=True)
            return page.read_text(encoding="utf-8")

    def _by_layer(self, table: dict[Any, list[float | None]]) -> DataFrame:
        pandas = needed("pandas", "frames")
        frame: DataFrame = pandas.DataFrame(table, dtype=float)
        frame.index.name = "layer"
        return frame

    def _table(self, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> DataFrame:
        pandas = needed("pandas", "frames")
        frame: DataFrame = pandas.DataFrame(rows, columns=list(columns))
        return frame


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
