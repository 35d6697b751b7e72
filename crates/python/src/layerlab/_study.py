"""A study: experiments on many models, cut into jobs for many machines, from one YAML file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path

from ._checked import count, folder_name, mapping
from ._experiments import DEFAULTS, Experiment, Job, experiments
from ._needed import needed
from .errors import StudyError

KEYS = {"models", "experiments", "work", "cluster", *DEFAULTS}


@dataclass(frozen=True)
class Cluster:
    """On what a study runs."""

    address: str | None = None
    """Of a Ray cluster; none starts one on this machine."""
    gpus_per_worker: float = 0
    """At most 1: a shard computes on one GPU. 0.5 puts two workers on each."""
    cpus_per_worker: int = 1
    retries: int = 2
    """How often a shard or a repair is tried again after its worker was lost or its machine failed."""


@dataclass(frozen=True)
class Study:
    """What is run on what."""

    experiments: tuple[Experiment, ...]
    cluster: Cluster

    def jobs(self) -> list[Job]:
        """All that is to be done. What cannot be cut takes longest, and so comes first."""
        jobs = [job for experiment in self.experiments for job in experiment.jobs()]
        return sorted(jobs, key=lambda job: not job.is_whole)


def read_study(path: str | os.PathLike[str]) -> Study:
    """Reads a study, and refuses what it does not know. Paths in it are as seen from the folder where it is started."""
    yaml = needed("yaml", "ray")
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"cannot read {os.fspath(path)}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise StudyError(f"{os.fspath(path)} is not YAML: {error}") from error
    try:
        return _study(found)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{os.fspath(path)}: {error}") from error


def _study(found: object) -> Study:
    given = mapping("a study", found, KEYS)
    work = given.get("work")
    if not isinstance(work, str):
        raise ValueError("work: the folder of shards and reports is missing")
    models = _models(given.get("models"))
    return Study(tuple(experiments(given, models, Path(work))), _cluster(given.get("cluster") or {}))


def _models(found: object) -> dict[str, str]:
    if isinstance(found, dict):
        named = {str(name): str(model) for name, model in found.items()}
    else:
        models = [str(model) for model in found] if isinstance(found, list) else []
        named = {_folder(model): model for model in models}
        if len(named) < len(models):
            raise ValueError("models: two would have the same folder; give them names, as in `small: path/to/model`")
    if not named:
        raise ValueError("models: expected a list of models, or names with a model each")
    return {folder_name("models", name): model for name, model in named.items()}


def _folder(model: str) -> str:
    """A folder's name for a model: the last part of a path, and all of `owner/name`."""
    path = Path(model)
    kept = path.resolve().name if path.exists() else model
    return re.sub(r"[^\w.@+-]+", "--", kept).strip("-.") or "model"


def _cluster(found: object) -> Cluster:
    given = mapping("cluster", found, {field.name for field in fields(Cluster)})
    address = given.get("address")
    if address is not None and not isinstance(address, str):
        raise TypeError(f"address: expected an address, found {address!r}")
    gpus = given.get("gpus_per_worker", Cluster.gpus_per_worker)
    if isinstance(gpus, bool) or not isinstance(gpus, (int, float)) or not 0 <= gpus <= 1:
        raise ValueError(f"gpus_per_worker: expected 0 to 1, found {gpus!r}: a shard computes on one GPU")
    return Cluster(
        address=address,
        gpus_per_worker=gpus,
        cpus_per_worker=count("cpus_per_worker", given.get("cpus_per_worker", Cluster.cpus_per_worker)),
        retries=count("retries", given.get("retries", Cluster.retries), least=0),
    )
