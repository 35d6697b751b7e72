"""Runs a study on a Ray cluster: `python -m layerlab.ray STUDY.yaml`.

Each model is one `layerlab run`, cut into shards. Workers (actors of Ray) take shards one by one; the shard of a lost worker
is given to another. Shards that are there already are not done again, so that a study that was broken off goes on. At the end
the shards of each model are merged into WORK/MODEL/report.json. All machines must see the same files by the same paths.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from ._needed import needed
from ._pool import Pool
from ._process import execute
from ._report import Report
from ._study import Study, read_study
from .errors import LabError, StudyError


def run_study(path: str | os.PathLike[str]) -> dict[str, Report]:
    """Runs a study to its end, and gives the report of each model by its name.

    Models that fail do not hold up the others; they are named in the error at the end.
    """
    study = read_study(path)
    ray = needed("ray", "ray")
    shards = list(study.all_shards())
    for shard in shards:
        shard.path.parent.mkdir(parents=True, exist_ok=True)
    local = {"address": "local", "include_dashboard": False}
    where = local if study.cluster.address is None else {"address": study.cluster.address}
    ray.init(**where, log_to_driver=False, logging_level=logging.WARNING)
    try:
        failed = Pool(ray, study.cluster).work_off(shards)
    finally:
        ray.shutdown()
    reports = {}
    for name in study.models:
        if name not in failed:
            try:
                reports[name] = _merge(study, name, [str(shard.path) for shard in shards if shard.model == name])
            except LabError as error:
                failed[name] = str(error)
    if failed:
        raise StudyError("\n".join(f"{name}: {why}" for name, why in failed.items()))
    return reports


def _merge(study: Study, name: str, shards: Sequence[str]) -> Report:
    report = study.work / name / "report.json"
    execute(["merge", *shards, "--json", f"--output={report}", "--force"], quiet=True)
    return Report.load(report)


def main(given: Sequence[str] | None = None) -> int:
    """The command line; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m layerlab.ray", description="Runs a study on a Ray cluster.")
    parser.add_argument("study", metavar="STUDY.yaml", help="models, texts, tasks, ways of healing, shards, cluster")
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
