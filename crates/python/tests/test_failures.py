"""What goes wrong is told by name."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import pytest

import layerlab
from layerlab import _command
from layerlab._process import execute


def script(folder: Path, body: str) -> str:
    path = folder / "layerlab"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def says(version: str) -> str:
    return f'[ "$1" = --version ] && {{ echo layerlab {version}; exit; }}\n'


def test_the_message_is_the_command_s() -> None:
    with pytest.raises(layerlab.InputError) as refused:
        layerlab.run(model="/no/such/model")
    assert refused.value.status == 3
    assert str(refused.value).startswith("`/no/such/model` is neither a folder")
    with pytest.raises(layerlab.UsageError, match="40 layers are to be removed"):
        layerlab.run(remove=40, method="last_k")


def test_reasons_are_told_too() -> None:
    with pytest.raises(layerlab.LabError) as refused:
        layerlab.run(text="/no/such/text.txt")
    assert str(refused.value) == "cannot read /no/such/text.txt\n  because: No such file or directory (os error 2)"


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(layerlab.InputError("no", 3)))
    assert (str(error), error.status) == ("no", 3)


def test_no_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAYERLAB", str(tmp_path / "nothing"))
    with pytest.raises(layerlab.CommandNotFound, match="nothing, which the variable LAYERLAB names, cannot be run"):
        layerlab.score()
    monkeypatch.delenv("LAYERLAB")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_command.sysconfig, "get_path", lambda *_: str(tmp_path))
    with pytest.raises(layerlab.CommandNotFound, match="no wheel|there is none for this platform"):
        layerlab.score()


def test_a_command_for_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "layerlab"
    path.write_bytes(b"\x7fELF of another machine")
    path.chmod(0o755)
    monkeypatch.setenv("LAYERLAB", str(path))
    with pytest.raises(layerlab.CommandNotFound, match="cannot be run: Exec format error"):
        layerlab.score()


@pytest.mark.parametrize("version", ["9.9.9", ""])
def test_a_command_of_another_version(version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAYERLAB", script(tmp_path, says(version)))
    expected = f"of version {version or 'unknown'}, and this package of {layerlab.__version__}"
    with pytest.raises(layerlab.VersionMismatch, match=expected):
        layerlab.score()


def test_the_interpreter_s_own_command_comes_before_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        script(folder, says(layerlab.__version__))
    monkeypatch.delenv("LAYERLAB", raising=False)
    monkeypatch.setenv("PATH", str(other), prepend=":")
    monkeypatch.setattr(_command.sysconfig, "get_path", lambda *_: str(own))
    assert _command.find() == str(own / "layerlab")
    (own / "layerlab").unlink()
    assert _command.find() == str(other / "layerlab")


def test_warnings_and_notes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """echo 'warning: few tokens' >&2; echo 'a.jsonl: 3 questions' >&2
echo '{"stage":"measuring","sequences":1,"total":2}' >&2; echo done"""
    monkeypatch.setenv("LAYERLAB", script(tmp_path, says(layerlab.__version__) + body))
    caplog.set_level(logging.INFO, logger="layerlab")
    with pytest.warns(layerlab.LabWarning, match="^few tokens$") as warned:
        assert execute(["score"]) == "done\n"
    assert Path(warned[0].filename) == Path(__file__)
    assert caplog.messages == ["a.jsonl: 3 questions"]
    assert "measuring" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 1", "the command ended with status 1 and said nothing"),
        ("kill -9 $$", "the command ended by signal 9 and said nothing"),
        ("echo 'thread main panicked' >&2; exit 101", "thread main panicked"),
    ],
)
def test_other_ends(body: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAYERLAB", script(tmp_path, says(layerlab.__version__) + body))
    with pytest.raises(layerlab.LabError) as failed:
        execute(["score"])
    assert str(failed.value) == message
