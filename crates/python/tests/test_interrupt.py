"""Ctrl-C stops the command too, and leaves nothing behind; so does the end of Python itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RUN = """
import layerlab
try:
    layerlab.run(text=layerlab.Text("A long text. " * 9000))
except KeyboardInterrupt:
    print("interrupted")
"""


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(parent: int) -> list[int]:
    told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(child) for child in told.split()]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def begin(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Python that runs the command, and the command's process."""
    python = subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
    )
    wait_for(lambda: any(b"--output=" in command_line(child) for child in children(python.pid)))
    command = next(child for child in children(python.pid) if b"--output=" in command_line(child))
    wait_for(lambda: catches_interrupts(command))
    return python, command


def command_line(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def catches_interrupts(process: int) -> bool:
    """Whether the command is at work: it has a handler of its own by then."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return b"layerlab" in command_line(process) and bool(int(caught.split()[1], 16) & 1 << (signal.SIGINT - 1))


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def test_ctrl_c(tmp_path: Path) -> None:
    python, command = begin(tmp_path)
    python.send_signal(signal.SIGINT)
    said, told = python.communicate(timeout=60)
    assert (said, python.returncode) == ("interrupted\n", 0), told
    assert not is_running(command)
    assert not list(tmp_path.glob("layerlab-*"))


def test_the_command_does_not_outlive_python(tmp_path: Path) -> None:
    python, command = begin(tmp_path)
    python.kill()
    python.communicate()
    wait_for(lambda: not is_running(command))
