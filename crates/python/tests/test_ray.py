"""A study on a Ray of this machine with two workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import layerlab

pytest.importorskip("ray")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

STUDY = """
models: [atlas]
methods: [block_influence, last_k, random_1, random_2]
heal: [none, refit]
remove: 3
shards: 4
options: {max_sequences: 8, max_windows: 4, items: 8, resamples: 20, device: cpu}
work: results
"""
SAME = {
    "method": ["block_influence", "last_k", "random_1", "random_2"],
    "heal": ["none", "refit"],
    "remove": 3,
    "max_sequences": 8,
    "max_windows": 4,
    "items": 8,
    "resamples": 20,
    "device": "cpu",
}

EXPERIMENTS = """
models: {atlas: atlas, broken: /no/such/model}
options: {max_sequences: 2, max_windows: 2, items: 12, resamples: 5, steps: 1, device: cpu}
work: results
experiments:
  cut: {models: [atlas], methods: [last_k], heal: none, remove: 2, options: {items: 4}}
  readings: {command: score, shards: 2, options: {loss_change: never}}
  mended: {command: repair, models: [atlas], options: {layers: last}}
"""


def commands(folder: Path) -> Iterator[tuple[int, int]]:
    """Commands at work on shards below a folder, each with its worker: the process that has started it."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(path / "cwd")) == folder and b"--shard=" in (path / "cmdline").read_bytes():
                status = (path / "stat").read_text().rpartition(")")[2].split()
                yield int(path.name), int(status[1])
        except OSError:
            # It has just ended.
            continue


def begin(folder: Path) -> subprocess.Popen[str]:
    (folder / "study.yaml").write_text(STUDY)
    return subprocess.Popen(
        [sys.executable, "-m", "layerlab.ray", "study.yaml"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RAY_num_workers_soft_limit": "2", "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


def test_the_shard_of_a_lost_worker_is_done_by_another(folder: Path) -> None:
    study = begin(folder)
    end = time.monotonic() + 120
    while len({worker for _, worker in commands(folder)}) < 2:
        assert time.monotonic() < end and study.poll() is None, study.communicate()
        time.sleep(0.02)
    command, worker = next(commands(folder))
    os.kill(worker, signal.SIGKILL)
    while command in dict(commands(folder)):
        assert time.monotonic() < end
        time.sleep(0.02)
    said, told = study.communicate(timeout=400)
    assert study.returncode == 0, told
    assert "is tried again: its worker was lost" in told
    report = layerlab.Report.load(folder / "results/atlas/report.json")
    assert report.conclusions[0] in said


def test_the_merged_report_is_that_of_one_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = layerlab.Report.load(folder / "results/atlas/report.json").document
    # As many threads as a worker's command has: sums are in another order with more.
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    whole = layerlab.run(**SAME, quiet=True).document  # type: ignore[typeddict-item]
    for part in ("model", "scoring", "evaluation", "conclusions"):
        assert_same(merged[part], whole[part], part)
    for part in ("plans", "outcomes", "healing"):
        assert_same(merged["pruning"][part], whole["pruning"][part], part)


def assert_same(found: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        assert set(found) == set(expected), where
        for name in set(expected) - {"seconds"}:
            assert_same(found[name], expected[name], f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    else:
        assert found == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected), where


def test_what_is_there_is_not_done_again(folder: Path) -> None:
    shards = sorted((folder / "results/atlas/shards").iterdir())
    assert [path.name for path in shards] == [f"{number}-of-4.shard" for number in range(1, 5)]
    written = [path.stat().st_mtime_ns for path in shards]
    shards[2].unlink()
    again = begin(folder)
    assert again.communicate(timeout=400) and again.returncode == 0
    times = [path.stat().st_mtime_ns for path in shards]
    assert [index for index in range(4) if times[index] != written[index]] == [2]


def test_a_model_that_fails_does_not_hold_up_the_others(folder: Path, tmp_path: Path) -> None:
    os.symlink(folder / "results", tmp_path / "results")
    study = STUDY.replace("[atlas]", "{broken: /no/such/model, atlas: atlas}")
    (tmp_path / "study.yaml").write_text(study)
    said = subprocess.run(
        [sys.executable, "-m", "layerlab.ray", "study.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=400
    )
    assert said.returncode == 1
    assert "error: broken: `/no/such/model` is neither" in said.stderr
    assert "atlas:" not in said.stderr.partition("error: ")[2]


def begin_and_end(folder: Path, contents: str) -> subprocess.CompletedProcess[str]:
    (folder / "study.yaml").write_text(contents)
    return subprocess.run(
        [sys.executable, "-m", "layerlab.ray", "study.yaml"], cwd=folder, capture_output=True, text=True, timeout=400
    )


def test_experiments_have_a_report_for_each_of_their_models(tmp_path: Path) -> None:
    failed = begin_and_end(tmp_path, EXPERIMENTS)
    assert failed.returncode == 1
    assert "error: readings/broken: `/no/such/model` is neither" in failed.stderr
    mended = tmp_path / "results/mended/atlas/report.json"
    assert sorted(path.name for path in mended.parent.iterdir()) == ["arguments.json", "report.json", "stages"]
    written = mended.stat().st_mtime_ns
    # As a repair would have left it that had the name of `cut` before.
    note = tmp_path / "results/cut/atlas/arguments.json"
    note.touch()

    again = begin_and_end(tmp_path, EXPERIMENTS.replace("score,", "score, models: [atlas],"))
    assert again.returncode == 0, again.stderr
    assert [line for line in again.stdout.splitlines() if line[0] != " "] == ["cut/atlas", "readings/atlas", "mended/atlas"]
    for name, kind in {"cut": "run", "readings": "score", "mended": "repair"}.items():
        report = layerlab.Report.load(tmp_path / "results" / name / "atlas/report.json")
        assert report.document["experiment"] == kind
    assert mended.stat().st_mtime_ns == written and not note.exists()

    # A report that cannot be told from that of other options must not pass for these.
    other = begin_and_end(tmp_path, EXPERIMENTS.replace("layers: last", "layers: 3+4").replace(", broken: /no/such/model", ""))
    assert other.returncode == 1
    told = other.stderr.partition("error: ")[2]
    assert told.startswith("mended/atlas: results/mended/atlas/report.json is there, by other options") and told.count("\n") == 1


def test_ctrl_c_stops_the_study_and_its_commands(tmp_path: Path) -> None:
    study = begin(tmp_path)
    end = time.monotonic() + 120
    while not list(commands(tmp_path)):
        assert time.monotonic() < end and study.poll() is None, study.communicate()
        time.sleep(0.02)
    study.send_signal(signal.SIGINT)
    _, told = study.communicate(timeout=60)
    assert study.returncode == 130, told
    while list(commands(tmp_path)):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert "Traceback" not in told
