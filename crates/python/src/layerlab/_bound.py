"""A command that does not outlive who started it, even where that is killed: a notebook's kernel, an actor of Ray.

Run as a script, this file binds its own process to its parent's, and then becomes the command.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Linux's request for a signal at the parent's death (prctl(2))."""


def bound(command: list[str]) -> list[str]:
    """The command, bound to this process where the system can do that, which is Linux."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    # The signal of Ctrl-C, so that nothing half-written is left.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() == parent:
        os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
