"""`ham-mrc ask`: one passage, one question after another, the answer marked in the passage."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import emit, notice, wants_color, warning
from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from ham_mrc.records import Prediction
    from ham_mrc.training.answer import Answered


def ask(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by train.")],
    passage: Annotated[Path, typer.Option("--passage", metavar="FILE", help='A text file; "-" is standard input.')],
    question: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The question; without it, one is asked for after another.")
    ] = None,
    n_best: Annotated[int, typer.Option(min=1, metavar="K", help="Show the K best answers.")] = 1,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Ask a reader about a passage: the answer, where it stands, and its score."""
    options.need_training()
    if question is None and str(passage) == "-":
        raise HamError("standard input cannot hold both the passage and the questions", remedy="give --question TEXT")
    if question is not None and not question.strip():
        raise HamError("the question is empty", place="--question", remedy="leave it out to be asked for questions")
    text = _read(passage)
    from ham_mrc.training.answer import Answerer

    answerer = Answerer(run)
    warned: set[str] = set()
    for one in [question] if question is not None else _questions(quiet):
        answered = answerer.answer_one(text, one, k=n_best)
        for fault in _faults(answered, passage):
            if fault not in warned:
                warning(fault)
            warned.add(fault)
        found = answered.candidates[0]
        emit(_as_json(one, found) if json else _as_text(text, found, wants_color(sys.stdout)))


def _faults(answered: Answered, passage: Path) -> Iterator[str]:
    if answered.no_vectors:
        yield f"words new to the run can only be matched, for want of vectors ({answered.no_vectors})"
    if answered.cut_passages:
        yield f"{passage} is longer than the run reads: its end was left out"


def _read(path: Path) -> str:
    from ham_mrc.opening import read_bytes

    try:
        text = read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise HamError(f"is not UTF-8 (byte {error.start})", file=path, remedy="convert it to UTF-8") from error
    if not text.strip():
        raise HamError("is empty", file=path, remedy="a passage to read is due")
    return text


def _questions(quiet: bool) -> Iterator[str]:
    if sys.stdin.isatty():
        notice("ask; an empty line ends", quiet=quiet)
    try:
        for line in sys.stdin:
            if not line.strip():
                return
            yield line.strip()
    except UnicodeDecodeError as error:
        raise HamError("is not UTF-8", file="standard input", remedy="convert it to UTF-8") from error


def _as_json(question: str, found: list[Prediction]) -> str:
    from ham_mrc.files import to_json

    fields = ("text", "passage", "char_start", "char_end", "score")
    answers: list[dict[str, Any]] = [
        {**{name: getattr(p, name) for name in fields}, "p": math.exp(p.score), "no_answer": _says_none(p)}
        for p in found
    ]
    return to_json({"schema": 1, "question": question, "answers": answers}).decode()


def _says_none(prediction: Prediction) -> bool:
    return prediction.start < 0


def _as_text(passage: str, found: list[Prediction], color: bool) -> str:
    """Each answer with its probability and place, and the passage with the best one marked."""
    lines = [f"{_named(p)}  (p {math.exp(p.score):.3f}{_place(p)})" for p in found]
    return "\n".join([*lines, "", _marked(passage, found[0], color).strip()]) + "\n"


def _named(prediction: Prediction) -> str:
    return "no answer" if _says_none(prediction) else prediction.text


def _place(prediction: Prediction) -> str:
    """Yes, no and no answer stand before the passage, at no place in it."""
    if prediction.passage < 0:
        return ""
    return f", characters {prediction.char_start} to {prediction.char_end}"


def _marked(passage: str, best: Prediction, color: bool) -> str:
    if best.passage < 0:
        return passage
    on, off = ("\033[1;32m", "\033[0m") if color else ("[", "]")
    return passage[: best.char_start] + on + passage[best.char_start : best.char_end] + off + passage[best.char_end :]
