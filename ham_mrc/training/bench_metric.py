"""How many questions a second the official figures of a dataset take, on made-up predictions and references."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.score import score
from ham_mrc.training.bench_yard import Pace, fastest, yard
from ham_mrc.training.device import Device

QUESTIONS = 2_000

ENGLISH = [first + second + third for first in "bdglmnprst" for second in ("a", "eo", "i") for third in ("", "ck", "n")]
CHINESE = [chr(code) for code in range(0x4E00, 0x4E00 + 1_500)]

Texts = tuple[str, ...]
"""The answers that a question accepts."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A dataset's answers: `references` a question, of `tokens` between two lengths, words or characters.

    `write` puts predictions and references into the forms that the official program reads; `options` are those of
    `score`.
    """

    words: list[str]
    tokens: tuple[int, int]
    references: int
    write: Callable[[list[str], list[Texts]], tuple[Any, Any]]
    options: dict[str, Any] = field(default_factory=dict)


def measure_metric(name: str, questions: int, length: int, device: Device, pace: Pace, *, seed: int) -> dict[str, Any]:
    """Seconds of a `yard` of `length` tokens and of scoring so many `questions` (`score`), and the `runs` of each.

    Scoring begins with parsed files, and keeps nothing from one run to the next. Raises HamError for a dataset that is
    not among KINDS, and MissingExtra where a package is missing that its figures need.
    """
    if name not in KINDS:
        raise HamError(f"no figures of {name!r} to measure", remedy=f"there are {', '.join(KINDS)}")
    kind = KINDS[name]
    predictions, references = made_up(kind, questions, seed)
    works = {
        "yard": yard(length, device.torch),
        "score": lambda: score(predictions, references, dataset=name, **kind.options),
    }
    seconds, runs = fastest(works, device.torch, pace)
    return {**seconds, "runs": runs, "questions": questions}


def made_up(kind: Kind, questions: int, seed: int) -> tuple[Any, Any]:
    """Predictions and references. In turn a prediction is an accepted answer, half of one, or has nothing of it."""
    random = Random(seed)
    joiner = " " if kind.words is ENGLISH else ""

    def text() -> list[str]:
        return random.choices(kind.words, k=random.randint(*kind.tokens))

    told, due = [], []
    for number in range(questions):
        answers = [text() for _ in range(kind.references)]
        given, other = answers[-1], text()
        said = (given, given[: (len(given) + 1) // 2] + other[: len(other) // 2], other)[number % 3]
        told.append(joiner.join(said))
        due.append(tuple(joiner.join(answer) for answer in answers))
    return kind.write(told, due)


def _squad(told: list[str], due: list[Texts]) -> tuple[Any, Any]:
    answers = [[{"text": text, "answer_start": 0} for text in texts] for texts in due]
    qas = [{"id": f"q{i}", "question": "?", "answers": found} for i, found in enumerate(answers)]
    document = {"version": "1.1", "data": [{"title": "", "paragraphs": [{"context": "", "qas": qas}]}]}
    return {f"q{i}": text for i, text in enumerate(told)}, document


def _msmarco(told: list[str], due: list[Texts]) -> tuple[Any, Any]:
    predictions = [{"query_id": i, "answers": [text]} for i, text in enumerate(told)]
    return predictions, [{"query_id": i, "answers": list(texts)} for i, texts in enumerate(due)]


def _dureader(told: list[str], due: list[Texts]) -> tuple[Any, Any]:
    def rows(answers: list[Texts]) -> list[dict[str, Any]]:
        empty: dict[str, Any] = {"yesno_answers": [], "entity_answers": [[]]}
        return [
            {"question_id": i, "question_type": "DESCRIPTION", "source": ("search", "zhidao")[i % 2], **empty}
            | {"answers": list(texts)}
            for i, texts in enumerate(answers)
        ]

    return rows([(text,) for text in told]), rows(due)


KINDS = {
    "squad": Kind(ENGLISH, (1, 6), 3, _squad),
    "cmrc": Kind(CHINESE, (2, 25), 3, _squad),
    "dureader": Kind(CHINESE, (20, 160), 2, _dureader),
    "msmarco": Kind(ENGLISH, (5, 25), 1, _msmarco, {"tokenised": True}),  # spaCy would take most of the time
}
"""Every dataset whose figures are measured. Lengths are about those of its real answers."""
