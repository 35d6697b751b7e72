"""Runs a study on a Ray cluster: `python -m layerlab.ray STUDY.yaml`.

An experiment on a model is one command, cut into shards where it can be. Workers (actors of Ray) take shards one by one; the
shard of a lost worker is given to another. Shards that are there already are not done again, so that a study that was broken
off goes on. At the end the shards are merged into WORK/EXPERIMENT/MODEL/report.json, or WORK/MODEL/report.json where the study
names no experiments. All machines must see the same files by the same paths.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ._command import __version__
from ._experiments import Experiment, Job
from ._needed import needed
from ._pool import Pool
from ._process import execute
from ._report import Report
from ._study import read_study
from .errors import LabError, StudyError


def run_study(path: str | os.PathLike[str]) -> dict[str, Report]:
    """Runs a study to its end. Gives reports by `experiment/model`, or by `model` where the study names no experiments.

    What fails does not hold up the rest; it is named in the error at the end.
    """
    study = read_study(path)
    ray = needed("ray", "ray")
    jobs = study.jobs()
    failed = _prepare(jobs)
    local = {"address": "local", "include_dashboard": False}
    where = local if study.cluster.address is None else {"address": study.cluster.address}
    ray.init(**where, log_to_driver=False, logging_level=logging.WARNING)
    try:
        failed |= Pool(ray, study.cluster).work_off([job for job in jobs if job.of not in failed])
    finally:
        ray.shutdown()
    reports = {}
    for experiment in study.experiments:
        if experiment.name not in failed:
            try:
                reports[experiment.name] = _report(experiment)
            except LabError as error:
                failed[experiment.name] = str(error)
    if failed:
        raise StudyError("\n".join(f"{name}: {why}" for name, why in failed.items()))
    return reports


def _prepare(jobs: Sequence[Job]) -> dict[str, str]:
    """Makes room for what jobs write. Gives what lies in the way, by the experiment's name."""
    failed = {}
    for job in jobs:
        job.path.parent.mkdir(parents=True, exist_ok=True)
        if job.is_whole and not _is_its_own(job):
            failed[job.of] = f"{job.path} is there, by other options than the study's; remove it to have it done again"
    return failed


def _is_its_own(job: Job) -> bool:
    """Whether a report that is there is this job's; where there is none, notes whose the next one will be.

    A shard says itself what it is of, and is refused by the command.
    """
    note = _note(job.path)
    asked = json.dumps([f"layerlab {__version__}", *job.arguments], ensure_ascii=False, indent=2) + "\n"
    if job.path.exists():
        return note.exists() and note.read_text(encoding="utf-8") == asked
    note.write_text(asked, encoding="utf-8")
    return True


def _note(report: Path) -> Path:
    return report.with_name("arguments.json")


def _report(experiment: Experiment) -> Report:
    shards = [str(job.path) for job in experiment.jobs() if not job.is_whole]
    if shards:
        # Of another command that had the same name before; the report is no longer of that.
        _note(experiment.report).unlink(missing_ok=True)
        execute(["merge", *shards, "--json", f"--output={experiment.report}", "--force"], quiet=True)
    return Report.load(experiment.report)


def main(given: Sequence[str] | None = None) -> int:
    """The command line; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m layerlab.ray", description="Runs a study on a Ray cluster.")
    parser.add_argument("study", metavar="STUDY.yaml", help="models, texts, tasks, experiments, ways of healing, shards, cluster")
    path = parser.parse_args(given).study
    try:
        reports = run_study(path)
    except (LabError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for name, report in reports.items():
        print(name, *report.conclusions, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
