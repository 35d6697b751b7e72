"""A study: many models, each scored, pruned, healed and asked in shares, from one YAML file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ._arguments import arguments, nearest
from ._inputs import Inputs
from ._needed import needed
from .errors import StudyError

KEYWORDS = {
    "text": "text",
    "eval_text": "eval_text",
    "tasks": "task",
    "methods": "method",
    "schedule": "schedule",
    "heal": "heal",
    "remove": "remove",
    "share": "share",
}
"""Keys of a study that are options of `run`, with their names there."""
KEYS = {"models", "shards", "options", "work", "cluster", *KEYWORDS}
OURS = {"model", "tokenizer", "tasks", "quiet", "work", "html", "export", "force"}
"""What `options` may not hold, since the study says it otherwise or every shard would write it."""


@dataclass(frozen=True)
class Cluster:
    """On what a study runs."""

    address: str | None = None
    """Of a Ray cluster; none starts one on this machine."""
    gpus_per_worker: float = 0
    """At most 1: a shard computes on one GPU. 0.5 puts two workers on each."""
    cpus_per_worker: int = 1
    retries: int = 2
    """How often a shard is tried again after its worker was lost or its machine failed."""


@dataclass(frozen=True)
class Shard:
    """A share of the work on one model."""

    model: str
    """The model's name in the study."""
    path: Path
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """What is run on which models."""

    models: dict[str, str]
    """By the names of their folders in `work`."""
    options: dict[str, Any]
    """Keywords of `run` for all of them."""
    shards: int
    work: Path
    cluster: Cluster

    def all_shards(self) -> Iterator[Shard]:
        """The shards of all models, model by model."""
        for name, model in self.models.items():
            folder = self.work / name
            with Inputs() as inputs:
                asked = arguments("run", {"model": model, **self.options}, inputs)
            for index in range(1, self.shards + 1):
                path = folder / "shards" / f"{index}-of-{self.shards}.shard"
                # Two shards must not take each other's unfinished stages away.
                stages = f"--work={folder / 'stages' / path.stem}"
                parts = (f"--shard={index}/{self.shards}", f"--output={path}", stages)
                yield Shard(name, path, ("run", *asked, *parts))


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
    given = _mapping("a study", found, KEYS)
    work = given.get("work")
    if not isinstance(work, str):
        raise ValueError("work: the folder of shards and reports is missing")
    study = Study(
        models=_models(given.get("models")),
        options=_options(given),
        shards=_count("shards", given.get("shards", 1)),
        work=Path(work),
        cluster=_cluster(given.get("cluster") or {}),
    )
    # Wrong options are found now rather than on every worker.
    list(study.all_shards())
    return study


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options = {keyword: given[key] for key, keyword in KEYWORDS.items() if given.get(key) is not None}
    for name in ("text", "eval_text"):
        if "\n" in str(options.get(name, "")):
            raise ValueError(f"{name}: takes a path; workers do not see texts in memory")
    further = given.get("options") or {}
    if not isinstance(further, dict):
        raise TypeError("options: expected options of `layerlab run` by their names")
    for key, value in further.items():
        name = str(key).replace("-", "_")
        if name in OURS or name in options or name in KEYWORDS:
            raise ValueError(f"options: {key} is not one of them here: a study says it by a key of its own, or not at all")
        options[name] = value
    return options


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
    for name in named:
        if not re.fullmatch(r"\w[\w.@+-]*", name):
            raise ValueError(f"models: `{name}` is no name of a folder")
    return named


def _folder(model: str) -> str:
    """A folder's name for a model: the last part of a path, and all of `owner/name`."""
    path = Path(model)
    kept = path.resolve().name if path.exists() else model
    return re.sub(r"[^\w.@+-]+", "--", kept).strip("-.") or "model"


def _cluster(found: object) -> Cluster:
    given = _mapping("cluster", found, {field.name for field in fields(Cluster)})
    address = given.get("address")
    if address is not None and not isinstance(address, str):
        raise TypeError(f"address: expected an address, found {address!r}")
    gpus = given.get("gpus_per_worker", Cluster.gpus_per_worker)
    if isinstance(gpus, bool) or not isinstance(gpus, (int, float)) or not 0 <= gpus <= 1:
        raise ValueError(f"gpus_per_worker: expected 0 to 1, found {gpus!r}: a shard computes on one GPU")
    return Cluster(
        address=address,
        gpus_per_worker=gpus,
        cpus_per_worker=_count("cpus_per_worker", given.get("cpus_per_worker", Cluster.cpus_per_worker)),
        retries=_count("retries", given.get("retries", Cluster.retries), least=0),
    )


def _mapping(what: str, found: object, known: set[str]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError(f"{what}: expected keys with values, of {', '.join(sorted(known))}")
    for key in found:
        if key not in known:
            raise ValueError(f"{what} has no key `{key}`" + nearest(str(key), known, "`{}`"))
    return found


def _count(name: str, found: object, *, least: int = 1) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or found < least:
        raise ValueError(f"{name}: expected a whole number from {least} on, found {found!r}")
    return found
