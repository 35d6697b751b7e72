"""Studies are read, and what is wrong with one is told by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from layerlab import StudyError
from layerlab._study import Cluster, read_study

STUDY = """
models: [atlas, owner/name@main]
text: notes.txt
tasks: [a.jsonl, b.csv]
methods: [block_influence, last_k]
heal: [none, refit]
remove: 2
shards: 2
options: {max-sequences: 4, resamples: 20, device: cpu}
work: results
cluster: {cpus_per_worker: 2, retries: 1}
"""

EXPERIMENTS = """
models: {small: a/model, large: b/model}
text: notes.txt
heal: [none, refit]
share: 25%
options: {max_sequences: 16, steps: 9, seed: 1}
shards: 2
work: results
experiments:
  plain:
  wiki: {models: [large], text: wiki.txt, heal: null, remove: 3, shards: 1, options: {seed: 2, max-windows: 4}}
  readings: {command: score, models: [small], options: {recipe: authors, loss_change: never, on: t.jsonl}}
  told: {command: locate, models: [small], shards: 1, tasks: [t.jsonl], text: [a.txt, b.txt], options: {margin_change: always}}
  mended: {command: repair, models: [small], options: {layers: [last, 3+4]}}
  bits: {command: quantize, models: [small]}
"""


def written(folder: Path, contents: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(contents)
    return path


def test_every_shard_has_the_arguments_of_a_run(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, STUDY))
    assert study.cluster == Cluster(cpus_per_worker=2, retries=1)
    shards = study.jobs()
    assert [shard.of for shard in shards] == ["atlas"] * 2 + ["owner--name@main"] * 2
    assert shards[3].arguments == (
        "run", "--model=owner/name@main", "--text=notes.txt", "--task=a.jsonl", "--task=b.csv",
        "--method=block_influence,last_k", "--heal=none,refit", "--remove=2", "--max-sequences=4", "--resamples=20",
        "--device=cpu", "--shard=2/2", "--output=results/owner--name@main/shards/2-of-2.shard",
        "--work=results/owner--name@main/stages/2-of-2",
    )  # fmt: skip


def test_models_can_have_names(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, "models: {small: a/model, large: b/model}\nwork: w"))
    assert {one.name: one.model for one in study.experiments} == {"small": "a/model", "large": "b/model"}
    assert {one.shards for one in study.experiments} == {1} and study.cluster == Cluster()


def test_experiments_take_what_they_do_not_say_from_the_study(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, EXPERIMENTS))
    names = ["plain/small", "plain/large", "wiki/large", "readings/small", "told/small", "mended/small", "bits/small"]
    assert [one.name for one in study.experiments] == names
    jobs = {job.arguments for job in study.jobs()}
    assert len(jobs) == 2 + 2 + 1 + 2 + 1 + 1 + 1
    assert jobs >= {
        (
            "run", "--model=a/model", "--text=notes.txt", "--heal=none,refit", "--share=25%", "--max-sequences=16", "--seed=1",
            "--shard=1/2", "--output=results/plain/small/shards/1-of-2.shard", "--work=results/plain/small/stages/1-of-2",
        ),
        (
            "run", "--model=b/model", "--text=wiki.txt", "--max-sequences=16", "--seed=2", "--remove=3", "--max-windows=4",
            "--shard=1/1", "--output=results/wiki/large/shards/1-of-1.shard", "--work=results/wiki/large/stages/1-of-1",
        ),
        (
            "score", "--model=a/model", "--text=notes.txt", "--max-sequences=16", "--seed=1", "--recipe=authors",
            "--loss-change=never", "--on=t.jsonl", "--shard=2/2", "--output=results/readings/small/shards/2-of-2.shard",
        ),
        (
            "locate", "--model=a/model", "--text=a.txt", "--text=b.txt", "--seed=1", "--task=t.jsonl", "--margin-change=always",
            "--shard=1/1", "--output=results/told/small/shards/1-of-1.shard",
        ),
        (
            "quantize", "--model=a/model", "--text=notes.txt", "--max-sequences=16", "--seed=1", "--json",
            "--output=results/bits/small/report.json",
        ),
    }  # fmt: skip


def test_what_cannot_be_cut_is_one_job_and_the_first(tmp_path: Path) -> None:
    job = read_study(written(tmp_path, EXPERIMENTS)).jobs()[0]
    assert job.is_whole and job.of == "mended/small" and job.path == Path("results/mended/small/report.json")
    assert job.arguments == (
        "repair", "--model=a/model", "--text=notes.txt", "--steps=9", "--seed=1", "--layers=last,3+4",
        "--work=results/mended/small/stages/whole", "--json", "--output=results/mended/small/report.json",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("experiments: {a: {hael: none}}", "experiments: a: an experiment has no key `hael`; did you mean `heal`?"),
        ("experiments: {a: {cluster: {}}}", "experiments: a: an experiment has no key `cluster`"),
        ("experiments: {a: 3}", "experiments: a: an experiment: expected keys with values"),
        ("experiments: {}", "experiments: expected names with keys each"),
        ("experiments: [a]", "experiments: expected names with keys each"),
        ("experiments: {../a: {}}", "experiments: `../a` is no name of a folder"),
        ("experiments: {a: {command: scor}}", "a study runs run, score, locate, repair, quantize, not `scor`; did you mean `score`?"),
        ("experiments: {a: {command: eval}}", "experiments: a: command: a study runs"),
        ("experiments: {a: {models: [atlsa]}}", "models: the study has no model `atlsa`; did you mean `atlas`?"),
        ("experiments: {a: {models: atlas}}", "models: expected a list of some of the study's models"),
        ("experiments: {a: {models: []}}", "models: expected a list of some of the study's models"),
        ("experiments: {a: {command: score, heal: none}}", "experiments: a: heal: `layerlab score` has no such option"),
        ("experiments: {a: {options: {max_sequence: 3}}}", "run() has no keyword max_sequence=; did you mean max_sequences=?"),
        ("experiments: {a: {options: {steps: 3}}}", "run() has no keyword steps="),
        ("experiments: {a: {options: {work: w}}}", "experiments: a: options: work is not one of them here"),
        ("experiments: {a: {command: quantize, shards: 2}}", "shards: `layerlab quantize` cannot be cut into them"),
        ("experiments: {a: {command: quantize, options: {tensor-types: w}}}", "options: tensor-types is not one of them here"),
        ("experiments: {a: {command: repair, options: {adapter: w}}}", "options: adapter is not one of them here"),
        ("experiments: {a: {command: repair, options: {neutral: \"a\\nb\"}}}", "neutral: takes a path"),
        ("experiments: {a: {command: repair, shards: 2}}", "shards: `layerlab repair` cannot be cut into them"),
        ("experiments: {a: {shards: 0}}", "experiments: a: shards: expected a whole number"),
        ("experiments: {a: {command: score}}", "experiments: a: options: say loss_change: always or loss_change: never"),
        ("experiments: {a: {command: locate, options: {margin_change: auto}}}", "say margin_change: always or"),
        ("options: {max_sequence: 3}\nexperiments: {a: {}}", "no command of a study has max_sequence; did you mean max_sequences?"),
        ("shards: 0\nexperiments: {a: {shards: 1}}", "shards: expected a whole number"),
    ],
)
def test_what_cannot_be_meant_of_an_experiment_is_refused(contents: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as refused:
        read_study(written(tmp_path, f"models: [atlas]\nwork: w\n{contents}"))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("modles: [atlas]\nwork: w", "a study has no key `modles`; did you mean `models`?"),
        ("models: [atlas]\nwork: w\ncluster: {retry: 3}", "cluster has no key `retry`; did you mean `retries`?"),
        ("models: [atlas]\nwork: w\noptions: {max_sequence: 3}", "did you mean max_sequences=?"),
        ("models: [atlas]\nwork: w\noptions: {html: x.html}", "options: html is not one of them here"),
        ("models: [atlas]\nwork: w\nheal: none\noptions: {heal: refit}", "options: heal is not one of them here"),
        ("models: [atlas]\nwork: w\noptions: 3", "options: expected options of the command"),
        ("models: [atlas]\nwork: w\nshards: 0", "shards: expected a whole number from 1 on, found 0"),
        ("models: [atlas]\nwork: w\nshards: true", "shards: expected a whole number"),
        ("models: [atlas]\nwork: w\ncluster: {gpus_per_worker: 2}", "gpus_per_worker: expected 0 to 1"),
        ("models: [atlas]\nwork: w\ncluster: {address: 3}", "address: expected an address"),
        ("models: [atlas]\nwork: w\ntext: |\n  a\n  b", "text: takes a path"),
        ("models: [atlas]\nwork: w\nremove: true", "remove= takes"),
        ("models: [atlas]", "work: the folder of shards and reports is missing"),
        ("models: []\nwork: w", "models: expected a list of models"),
        ("models: [a/b, a//b]\nwork: w", "two would have the same folder"),
        ("models: {../up: atlas}\nwork: w", "`../up` is no name of a folder"),
        ("- atlas", "a study: expected keys with values"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused(contents: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as refused:
        read_study(written(tmp_path, contents))
    assert message in str(refused.value)
    assert "study.yaml" in str(refused.value)


def test_a_study_that_is_not_there() -> None:
    with pytest.raises(StudyError, match="cannot read nothing.yaml: No such file"):
        read_study("nothing.yaml")


@pytest.mark.parametrize("missing", ["ray", "yaml"])
def test_without_ray_the_extra_is_named(missing: str, tmp_path: Path) -> None:
    path = written(tmp_path, STUDY)
    code = f"import sys; sys.modules[{missing!r}] = None; from layerlab.ray import main; sys.exit(main([{str(path)!r}]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr == f"error: this needs {missing}, which the extra `ray` brings: pip install 'layerlab[ray]'\n"


def test_the_study_of_the_evidence_can_be_read() -> None:
    study = read_study(Path(__file__).parents[3] / "docs" / "evidence" / "study.yaml")
    assert {"wiki/smollm2", "readings-authors/qwen", "located/smollm2", "repaired/qwen"} <= {one.name for one in study.experiments}
