"""What can go wrong, and what only has to be known."""

from __future__ import annotations


class LabError(RuntimeError):
    """The command did not come to its end. The message is the command's own, where it gave one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """Exit status of the command; none where it was not run."""


class UsageError(LabError):
    """The options cannot be used together, or something would be overwritten (exit status 2)."""


class InputError(LabError):
    """The model, the text or a dataset cannot be used (exit status 3)."""


class CommandNotFound(LabError):
    """There is no command to run."""


class VersionMismatch(LabError):
    """The command is of another version than this package."""


class StudyError(LabError):
    """A study cannot be read, or not all of it came to its end."""


class LabWarning(UserWarning):
    """What the command warns of, or what this package does with a disk."""
