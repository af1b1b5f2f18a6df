"""The threshold of "no answer": the best by trying all, stored and read back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.errors import HamError
from ham_mrc.eval.references import load_references
from ham_mrc.eval.score import score_predictions
from ham_mrc.records import Prediction, Scores
from ham_mrc.training.predict import Candidates, texts_of
from ham_mrc.training.threshold import choose_threshold, load_threshold, save_threshold

Question = tuple[bool, bool, float]
"""Whether it has an answer, whether the best span is that answer, how much likelier null is."""

QUESTIONS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from([-7.5, -1.0, 0.0, 0.25, 3.0, math.inf])),
    min_size=1,
    max_size=8,
)


def squad2(questions: Sequence[Question]) -> tuple[list[Candidates], object]:
    """What a reader found, and the function that scores its texts as SQuAD 2.0 does."""
    qas = [
        {
            "id": f"q{number}",
            "question": "?",
            "is_impossible": not has,
            "answers": [{"text": "gold coin", "answer_start": 0}] if has else [],
        }
        for number, (has, _, _) in enumerate(questions)
    ]
    document = {"version": "v2.0", "data": [{"title": "", "paragraphs": [{"context": "gold coin", "qas": qas}]}]}
    references = load_references(document, "squad")

    def score(texts: Sequence[str]) -> Scores:
        return score_predictions({f"q{number}": text for number, text in enumerate(texts)}, references)

    found = [
        Candidates([Prediction(f"q{number}", "" if lead == math.inf else "gold" if right else "tin")], lead)
        for number, (_, right, lead) in enumerate(questions)
    ]
    return found, score


@settings(deadline=None, max_examples=60)
@given(questions=QUESTIONS, metric=st.sampled_from(["f1", "exact_match"]))
def test_no_other_threshold_is_better(questions: list[Question], metric: str) -> None:
    found, score = squad2(questions)
    figures = {t: score(texts_of(found, t)).metrics[metric] for t in [-9.0, -7.0, -0.5, 0.1, 1.0, 9.0]}  # type: ignore[operator]
    chosen = choose_threshold(found, score, metric)  # type: ignore[arg-type]
    reached = score(texts_of(found, chosen)).metrics[metric]  # type: ignore[operator]
    assert reached == pytest.approx(max(figures.values()))


def test_between_two_questions_it_is_the_middle() -> None:
    found, score = squad2([(True, True, -4.0), (False, False, 2.0), (False, False, 3.0)])
    assert choose_threshold(found, score, "f1") == -1.0  # type: ignore[arg-type]


def test_as_many_as_possible_are_answered_where_that_is_no_worse() -> None:
    found, score = squad2([(True, False, -4.0), (True, True, 1.0), (True, False, 2.0)])
    assert choose_threshold(found, score, "f1") == 3.0  # type: ignore[arg-type]


def test_all_silent() -> None:
    found, score = squad2([(False, False, -4.0), (False, False, 1.0)])
    assert choose_threshold(found, score, "f1") == -5.0  # type: ignore[arg-type]
    nothing, score = squad2([(False, False, math.inf)])
    assert choose_threshold(nothing, score, "f1") == 0.0  # type: ignore[arg-type]


def test_stored_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "threshold.json"
    save_threshold(file, -0.123456789012345, part="choice", metric="f1")
    assert load_threshold(file) == -0.123456789012345


@pytest.mark.parametrize("content", ["{}", "[]", '{"schema": 1, "threshold": "x"}', '{"schema": 2, "threshold": 0}'])
def test_what_is_no_threshold(tmp_path: Path, content: str) -> None:
    file = tmp_path / "threshold.json"
    file.write_text(content)
    with pytest.raises(HamError) as caught:
        load_threshold(file)
    assert str(caught.value) == f"{file}: does not say from where on there is no answer; train anew"
