"""Keywords become arguments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import layerlab
from layerlab._arguments import arguments
from layerlab._inputs import Inputs


@pytest.fixture
def inputs() -> Iterator[Inputs]:
    with Inputs() as inputs:
        yield inputs


@pytest.mark.parametrize(
    ("command", "keyword", "value", "expected"),
    [
        ("run", "eval_text", "held-out.txt", ["--eval-text=held-out.txt"]),
        ("run", "eval_text", Path("held") / "out.txt", ["--eval-text=held/out.txt"]),
        ("run", "skip_bad", True, ["--skip-bad"]),
        ("run", "skip_bad", False, []),
        ("run", "remove", None, []),
        ("run", "remove", 3, ["--remove=3"]),
        ("run", "share", "25%", ["--share=25%"]),
        ("run", "share", 0.1, ["--share=0.1"]),
        ("run", "heal", "refit", ["--heal=refit"]),
        ("run", "heal", ["none", "refit+distil"], ["--heal=none,refit+distil"]),
        ("run", "protect", range(3), ["--protect=0,1,2"]),
        ("run", "protect", "0,1,10-12", ["--protect=0,1,10-12"]),
        ("run", "protect", 7, ["--protect=7"]),
        ("run", "task", "a.jsonl", ["--task=a.jsonl"]),
        ("run", "tasks", ["a.jsonl", Path("b.csv")], ["--task=a.jsonl", "--task=b.csv"]),
        ("run", "fields", {"question": "q", "wrong": ["b", "c"]}, ["--fields=question=q,wrong=b+c"]),
        ("run", "system", "--is no option", ["--system=--is no option"]),
        ("run", "quiet", True, []),
        ("score", "span", [2, 3], ["--span=2", "--span=3"]),
        ("score", "loss_change", "always", ["--loss-change=always"]),
        ("locate", "tap", ["output", "mlp"], ["--tap=output", "--tap=mlp"]),
        ("locate", "text", ["a.txt", "b.txt"], ["--text=a.txt", "--text=b.txt"]),
        ("compare", "with_", "owner/name", ["--with=owner/name"]),
    ],
)
def test_values(command: str, keyword: str, value: Any, expected: list[str], inputs: Inputs) -> None:
    assert arguments(command, {keyword: value}, inputs) == expected


@pytest.mark.parametrize("text", ["First line.\nSecond line.\n", layerlab.Text("One line", name="my notes/1")])
def test_a_text_in_memory_becomes_a_file(text: Any, inputs: Inputs) -> None:
    (argument,) = arguments("run", {"text": text}, inputs)
    path = Path(argument.removeprefix("--text="))
    contents = text.contents if isinstance(text, layerlab.Text) else text
    assert path.read_text() == contents
    assert path.name == ("my_notes_1.txt" if isinstance(text, layerlab.Text) else "text.txt")
    inputs.__exit__(None, None, None)
    assert not path.exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layerlab.run(modle="x"), "run() has no keyword modle=; did you mean model=?"),
        (lambda: layerlab.run(eval_txt="x"), "did you mean eval_text=?"),
        (lambda: layerlab.run(zzz=1), "run() has no keyword zzz="),
        (lambda: layerlab.run(output="report.json"), "report.save(path)"),
        (lambda: layerlab.score(csv=True), "report.scores"),
        (lambda: layerlab.score(heal="refit"), "score() has no keyword heal="),
        (lambda: layerlab.run(task="a", tasks="b"), "not both"),
        (lambda: layerlab.prune(layers=[1]), "prune() needs output="),
        (lambda: layerlab.heal(output="x"), "heal() needs model= and teacher="),
        (lambda: layerlab.compare("a", "b", "c"), "two models"),
        (lambda: layerlab.compare("a", model="b"), "two models"),
        (lambda: layerlab.run(remove=True), "remove= takes"),
        (lambda: layerlab.run(chat="yes"), "chat= is True or False"),
        (lambda: layerlab.run(heal=[None]), "heal= takes"),
        (lambda: layerlab.run(text=3), "text= takes a path or a text, not int"),
        (lambda: layerlab.run(model=3), "model= takes"),
        (lambda: layerlab.run(model="atlas", tokenizer=object()), "leave out tokenizer="),
    ],
)
def test_what_cannot_be_meant_is_refused(call: Any, message: str) -> None:
    with pytest.raises(TypeError) as refused:
        call()
    assert message in str(refused.value)


def test_the_standard_input_is_not_the_command_s() -> None:
    with pytest.raises(ValueError, match="standard input"):
        layerlab.run(text="-")
