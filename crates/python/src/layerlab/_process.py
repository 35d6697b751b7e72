"""Running the command to its end, or to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryFile

from ._bound import bound
from ._command import find
from ._progress import Bars
from ._told import LOG, warn
from .errors import InputError, LabError, UsageError

USAGE, INPUT, INTERRUPTED = 2, 3, 128 + signal.SIGINT
ERROR, WARNING = "error: ", "warning: "
STEP = '{"stage":'


def execute(arguments: Sequence[str], *, quiet: bool = False, environment: Mapping[str, str] | None = None) -> str:
    """Runs the command with these arguments, and gives what it wrote to its standard output.

    Steps become bars, warnings become warnings, and what else it tells goes to the log. Ctrl-C stops it at its next step.
    """
    manner = ["--quiet"] if quiet else ["--progress=json"]
    with ExitStack() as stack:
        output = stack.enter_context(TemporaryFile())
        bars = stack.enter_context(Bars())
        child = stack.enter_context(
            Popen(
                bound([find(), *arguments, *manner]),
                stdin=DEVNULL,
                stdout=output,
                stderr=PIPE,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "NO_COLOR": "1", **(environment or {})},
                # Ctrl-C in a terminal reaches a whole group at once, and twice would end the command on the spot.
                start_new_session=True,
            )
        )
        try:
            assert child.stderr is not None
            told = list(_without_steps(child.stderr, bars))
            status = child.wait()
        except BaseException:
            _stop(child)
            raise
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        if status != 0:
            raise _failure(status, told)
        _tell(told)
        output.seek(0)
        return output.read().decode()


def _without_steps(lines: Iterable[str], bars: Bars) -> Iterator[str]:
    for line in lines:
        if line.startswith(STEP):
            bars.show(json.loads(line))
        else:
            yield line.rstrip("\n")


def _stop(child: Popen[str]) -> None:
    """Asks the command to stop, and waits for it. Another Ctrl-C ends it at once."""
    child.send_signal(signal.SIGINT)
    try:
        # Reads on, since a full pipe would hold it up.
        child.communicate()
    except KeyboardInterrupt:
        child.kill()
        child.wait()


def _tell(told: Iterable[str]) -> None:
    for line in told:
        if line.startswith(WARNING):
            warn(line.removeprefix(WARNING))
        elif line:
            LOG.info("%s", line)


def _failure(status: int, told: Sequence[str]) -> LabError:
    """The error that the command ended with. What it warned of before is told too."""
    first = next((index for index, line in enumerate(told) if line.startswith(ERROR)), None)
    if first is not None:
        _tell(told[:first])
    message = "\n".join(told[first or 0 :]).strip().removeprefix(ERROR)
    if not message:
        ending = f"by signal {-status}" if status < 0 else f"with status {status}"
        message = f"the command ended {ending} and said nothing"
    kind = {USAGE: UsageError, INPUT: InputError}.get(status, LabError)
    return kind(message, status)
