"""Which layers of a language model does it need? The `layerlab` command from Python.

    report = layerlab.run(model="path/to/model", text="calibration.txt", heal=["none", "refit"])
    report.scores, report.kept, report.cuts

Keywords are the command's options, with `_` for `-`; `layerlab COMMAND --help` says what each means.
"""

from ._calls import compare, heal, locate, prune, quantize, repair, run, score
from ._command import __version__
from ._inputs import Text
from ._report import Report
from ._written import WrittenModel
from .errors import CommandNotFound, InputError, LabError, LabWarning, StudyError, UsageError, VersionMismatch

__all__ = [
    "CommandNotFound",
    "InputError",
    "LabError",
    "LabWarning",
    "Report",
    "StudyError",
    "Text",
    "UsageError",
    "VersionMismatch",
    "WrittenModel",
    "__version__",
    "compare",
    "heal",
    "locate",
    "prune",
    "quantize",
    "repair",
    "run",
    "score",
]
