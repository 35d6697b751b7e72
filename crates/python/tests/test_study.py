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


def written(folder: Path, contents: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(contents)
    return path


def test_every_shard_has_the_arguments_of_a_run(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, STUDY))
    assert study.cluster == Cluster(cpus_per_worker=2, retries=1)
    shards = list(study.all_shards())
    assert [shard.model for shard in shards] == ["atlas"] * 2 + ["owner--name@main"] * 2
    assert shards[3].arguments == (
        "run", "--model=owner/name@main", "--text=notes.txt", "--task=a.jsonl", "--task=b.csv",
        "--method=block_influence,last_k", "--heal=none,refit", "--remove=2", "--max-sequences=4", "--resamples=20",
        "--device=cpu", "--shard=2/2", "--output=results/owner--name@main/shards/2-of-2.shard",
        "--work=results/owner--name@main/stages/2-of-2",
    )  # fmt: skip


def test_models_can_have_names(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, "models: {small: a/model, large: b/model}\nwork: w"))
    assert study.models == {"small": "a/model", "large": "b/model"}
    assert study.shards == 1 and study.cluster == Cluster()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("modles: [atlas]\nwork: w", "a study has no key `modles`; did you mean `models`?"),
        ("models: [atlas]\nwork: w\ncluster: {retry: 3}", "cluster has no key `retry`; did you mean `retries`?"),
        ("models: [atlas]\nwork: w\noptions: {max_sequence: 3}", "did you mean max_sequences=?"),
        ("models: [atlas]\nwork: w\noptions: {html: x.html}", "options: html is not one of them here"),
        ("models: [atlas]\nwork: w\nheal: none\noptions: {heal: refit}", "options: heal is not one of them here"),
        ("models: [atlas]\nwork: w\noptions: 3", "options: expected options of `layerlab run`"),
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
