"""What a type checker says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GOOD = """
import layerlab

def f() -> float:
    report = layerlab.run(model="atlas", heal=["none", "refit"], tasks=["a.jsonl"], remove=2, quiet=True)
    pruned: layerlab.WrittenModel = layerlab.prune(layers=range(3), output="x")
    layerlab.compare("atlas", pruned)
    return float(report.cuts["kept"].max())
"""
BAD = {
    'layerlab.run(modle="x")': "modle",
    'layerlab.run(heal="refitt")': "heal",
    "layerlab.prune(layers=[1])": "output",
    'layerlab.score(max_sequences="x")': "max_sequences",
}


def checked(path: Path, *given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={path.parent}/cache", *given]
    return subprocess.run(command, capture_output=True, text=True, cwd=path.parent)


def test_the_package_and_calls_of_it(tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(GOOD)
    said = checked(good, "-p", "layerlab")
    assert said.returncode == 0, said.stdout
    said = checked(good, str(good))
    assert said.returncode == 0, said.stdout


def test_mistakes_are_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import layerlab\n" + "\n".join(BAD) + "\n")
    lines = checked(bad, str(bad)).stdout.splitlines()
    for number, name in enumerate(BAD.values(), start=2):
        assert any(line.startswith(f"bad.py:{number}:") and name in line for line in lines), lines
