"""The experiments of a study: which command runs on which of its models, by which options, in how many shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._arguments import arguments, kinds, nearest
from ._checked import count, folder_name, mapping
from ._inputs import Inputs
from ._kinds import Kind, some

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
"""Keys of a study and of an experiment that are options of the command, with their names there."""
DEFAULTS = {"options", "shards", *KEYWORDS}
"""Keys of a study that all its experiments have where they do not say otherwise."""
OWN = {"command", "models", *DEFAULTS}
"""Keys of an experiment."""
NOT_HERE = {"model", "tokenizer", "quiet", "work", "html", "adapter", "export", "gguf", "tensor_types", "force"}
"""What `options` may not hold, since the study says it otherwise or every job would write it."""
COMMANDS = ("run", "score", "locate", "repair", "quantize")
WHOLE = {"repair", "quantize"}
"""Commands that cannot be cut into shards."""
TIMED = {"score": "loss_change", "locate": "margin_change"}
"""Options whose default goes by how fast a machine is; shards must all do the same."""
BUDGETS = {"remove", "share", "tolerance"}
"""Ways to say how many layers go, of which a command takes one."""


@dataclass(frozen=True)
class Job:
    """What a worker does at a time: a shard, or all of what cannot be cut."""

    of: str
    """The name of the experiment that it is of."""
    path: Path
    """The file that is there when it is done."""
    arguments: tuple[str, ...]
    is_whole: bool = False
    """Whether the file is the report itself."""


@dataclass(frozen=True)
class Experiment:
    """One command on one model. It leaves one report."""

    name: str
    """As its folder below that of the study: `experiment/model`, or `model` in a study without experiments."""
    command: str
    model: str
    options: dict[str, Any]
    """Keywords of the command."""
    shards: int
    folder: Path

    @property
    def report(self) -> Path:
        """Where its report is written."""
        return self.folder / "report.json"

    def jobs(self) -> Iterator[Job]:
        """What is to be done for it."""
        with Inputs() as inputs:
            asked = (self.command, *arguments(self.command, {"model": self.model, **self.options}, inputs))
        if self.command in WHOLE:
            written = (*self._stages("whole"), "--json", f"--output={self.report}")
            yield Job(self.name, self.report, (*asked, *written), is_whole=True)
            return
        for index in range(1, self.shards + 1):
            path = self.folder / "shards" / f"{index}-of-{self.shards}.shard"
            part = (f"--shard={index}/{self.shards}", f"--output={path}")
            yield Job(self.name, path, (*asked, *part, *self._stages(path.stem)))

    def _stages(self, job: str) -> Iterator[str]:
        """Where the command keeps finished stages, if it does."""
        if "work" in kinds(self.command):
            # Two jobs must not take each other's unfinished stages away.
            yield f"--work={self.folder / 'stages' / job}"


def experiments(given: Mapping[str, Any], models: Mapping[str, str], work: Path) -> Iterator[Experiment]:
    """The experiments of a study: those that it names, or one run of each model."""
    defaults = {key: value for key, value in given.items() if key in DEFAULTS}
    found = given.get("experiments")
    if found is None:
        yield from _on_its_models("", defaults, {}, models, work)
        return
    if not isinstance(found, dict) or not found:
        raise ValueError("experiments: expected names with keys each, as in `readings: {command: score}`")
    _known_somewhere(_keywords(defaults))
    count("shards", defaults.get("shards", 1))
    for name, own in found.items():
        prefix = folder_name("experiments", name)
        try:
            own = mapping("an experiment", {} if own is None else own, OWN)
            yield from _on_its_models(prefix, own, defaults, models, work)
        except (TypeError, ValueError) as error:
            raise ValueError(f"experiments: {name}: {error}") from error


def _on_its_models(
    prefix: str, own: Mapping[str, Any], defaults: Mapping[str, Any], models: Mapping[str, str], work: Path
) -> Iterator[Experiment]:
    command = own.get("command", "run")
    if command not in COMMANDS:
        hint = nearest(str(command), set(COMMANDS), "`{}`")
        raise ValueError(f"command: a study runs {', '.join(COMMANDS)}, not `{command}`{hint}")
    if command in WHOLE and "shards" in own:
        raise ValueError(f"shards: `layerlab {command}` cannot be cut into them")
    shards = count("shards", own.get("shards", defaults.get("shards", 1)))
    options = _options(command, own, defaults)
    for name in _chosen(own.get("models"), models):
        path = Path(prefix, name)
        experiment = Experiment(path.as_posix(), command, models[name], options, shards, work / path)
        # Wrong options are found now rather than on every worker.
        list(experiment.jobs())
        yield experiment


def _chosen(found: object, models: Mapping[str, str]) -> list[str]:
    """Models by their names: all if nothing is said."""
    if found is None:
        return list(models)
    if not isinstance(found, list) or not found:
        raise ValueError("models: expected a list of some of the study's models, by name")
    chosen = [str(name) for name in found]
    for name in chosen:
        if name not in models:
            raise ValueError(f"models: the study has no model `{name}`" + nearest(name, set(models), "`{}`"))
    return list(dict.fromkeys(chosen))


def _options(command: str, own: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of the command: an experiment's own, and the defaults that the command has."""
    known = kinds(command)
    for key, keyword in KEYWORDS.items():
        if key in own and keyword not in known:
            raise ValueError(f"{key}: `layerlab {command}` has no such option")
    stated = _keywords(own)
    replaced = BUDGETS if any(stated.get(name) is not None for name in BUDGETS) else set()
    kept = {name: value for name, value in _keywords(defaults).items() if name in known and name not in replaced}
    options = {**kept, **stated}
    for name, value in options.items():
        if known.get(name) in (Kind.TEXT, Kind.TEXTS) and any("\n" in str(one) for one in some(value)):
            raise ValueError(f"{name}: takes a path; workers do not see texts in memory")
    timed = TIMED.get(command)
    if timed and options.get(timed) not in ("always", "never"):
        raise ValueError(
            f"options: say {timed}: always or {timed}: never; what `layerlab {command}` does by itself depends on how fast a "
            "machine is, and all shards must do the same"
        )
    return options


def _keywords(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that keys and `options` stand for."""
    keywords = {keyword: given[key] for key, keyword in KEYWORDS.items() if key in given}
    further = given.get("options") or {}
    if not isinstance(further, dict):
        raise TypeError("options: expected options of the command by their names, as in `{max_sequences: 64}`")
    for key, value in further.items():
        # YAML takes a bare `on` for true.
        name = "on" if key is True else str(key).replace("-", "_")
        if name in NOT_HERE or name in KEYWORDS or name in keywords:
            raise ValueError(f"options: {key} is not one of them here: a study says it by a key of its own, or not at all")
        keywords[name] = value
    return keywords


def _known_somewhere(defaults: Mapping[str, Any]) -> None:
    """Refuses defaults that no command has."""
    known = {name for command in COMMANDS for name in kinds(command)}
    for name in defaults:
        if name not in known:
            raise ValueError(f"options: no command of a study has {name}" + nearest(name, known, "{}"))
