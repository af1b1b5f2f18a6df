"""Predictions: slices of the untouched passage, one a question, in the order of the columns, whatever the batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from squad_builders import squad_document, squad_paragraph
from torch import Tensor, nn

from ham_mrc.data_prep.prepare import encode_file
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import SPECIAL, Vocabulary
from ham_mrc.readers.batch import Batch
from ham_mrc.records import Prediction
from ham_mrc.text import tokenize
from ham_mrc.training.batches import Form
from ham_mrc.training.device import choose_device
from ham_mrc.training.predict import predict

CPU = choose_device("cpu", "float32")


class Guess(nn.Module):
    """A reader whose logits depend on words alone, so that neither padding nor neighbours can matter."""

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        asked = batch.question.sum(1, keepdim=True)[batch.owner]
        return torch.sin(batch.passage * 1.7 + asked) * 3, torch.cos(batch.passage * 0.3) * 3


def columns_of(folder: Path, write: Callable[..., Path], passages: list[str]) -> Columns:
    """Columns of two questions on each passage, q0 and q1 on the first."""
    paragraphs = [
        squad_paragraph(text, (f"q{2 * n}", "Who?"), (f"q{2 * n + 1}", "When was it?"))
        for n, text in enumerate(passages)
    ]
    file = write(squad_document({"A": paragraphs}), f"{folder.name}.json")
    encode_file("squad", file, Vocabulary(SPECIAL, trained=2, lowercase=True), folder)
    return Columns.open(folder)


def answers(columns: Columns, *, batch_size: int = 3, max_answer_tokens: int = 4, k: int = 1) -> list[list[Prediction]]:
    found = predict(Guess(), columns, Form(), CPU, batch_size=batch_size, max_answer_tokens=max_answer_tokens, k=k)
    assert all(one.no_answer is None for one in found)
    return [one.spans for one in found]


TEXTS = ["It began in 1889, in Paris.", "中文 and — dashes…", " \t\n", "one", "A😀b  (c) e\u0301", "", "x y z " * 9]


def test_one_answer_a_question_in_order(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    columns = columns_of(tmp_path / "c", write_squad, TEXTS)
    found = [one.best for one in predict(Guess(), columns, Form(), CPU, batch_size=3, max_answer_tokens=4)]
    assert [one.id for one in found] == columns.ids == [f"q{n}" for n in range(2 * len(TEXTS))]
    assert [one.text == "" for one in found] == [not tokenize(TEXTS[n // 2]).words for n in range(len(found))]


def test_a_passage_without_a_token_gets_the_empty_answer(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    found = answers(columns_of(tmp_path / "c", write_squad, ["", "Paris"]), k=3)
    assert found[0] == [Prediction("q0", "", 0.0, 0, -1, -1, -1, -1)]
    assert [one.text for one in found[2]] == ["Paris"]


def test_nothing_but_empty_passages(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    found = answers(columns_of(tmp_path / "c", write_squad, ["", " "]))
    assert [one.text for (one,) in found] == [""] * 4


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_batches_do_not_matter(tmp_path: Path, write_squad: Callable[..., Path], batch_size: int) -> None:
    columns = columns_of(tmp_path / "c", write_squad, TEXTS)
    expected = answers(columns, batch_size=7, k=3)
    found = answers(columns, batch_size=batch_size, k=3)
    for one, other in zip(found, expected, strict=True):
        assert [candidate.text for candidate in one] == [candidate.text for candidate in other]
        assert [c.score for c in one] == pytest.approx([c.score for c in other], abs=1e-5)


def every_span(text: str, question: int, max_answer_tokens: int, columns: Columns) -> list[tuple[float, str]]:
    """All legal answers with their scores, best first, by a slow loop."""
    row = int(columns.question_passage[question])
    first, last = int(columns.passage_offsets[row]), int(columns.passage_offsets[row + 1])
    ids = torch.tensor(columns.passage_tokens[first:last])
    begin, end = columns.question_offsets[question : question + 2]
    asked = int(columns.question_tokens[begin:end].sum())
    start_logp = (torch.sin(ids * 1.7 + asked) * 3).log_softmax(0).tolist()
    end_logp = (torch.cos(ids * 0.3) * 3).log_softmax(0).tolist()
    tokens = tokenize(text)
    spans = [
        (start_logp[s] + end_logp[e], text[tokens.char_starts[s] : tokens.char_ends[e]])
        for s in range(len(ids))
        for e in range(s, min(s + max_answer_tokens, len(ids)))
    ]
    return sorted(spans, key=lambda span: -span[0])


@pytest.mark.parametrize("max_answer_tokens", [1, 2, 15])
def test_best_answers_by_a_slow_loop(tmp_path: Path, write_squad: Callable[..., Path], max_answer_tokens: int) -> None:
    columns = columns_of(tmp_path / "c", write_squad, TEXTS)
    for number, found in enumerate(answers(columns, max_answer_tokens=max_answer_tokens, k=5)):
        expected = every_span(TEXTS[number // 2], number, max_answer_tokens, columns)[:5]
        if expected:
            assert [one.score for one in found] == pytest.approx([score for score, _ in expected], abs=1e-5)
            assert found[0].text == expected[0][1] or expected[0][0] == pytest.approx(expected[1][0], abs=1e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(passages=st.lists(st.text(max_size=40), min_size=1, max_size=6, unique=True), k=st.integers(1, 6))
def test_text_is_the_slice(
    tmp_path_factory: pytest.TempPathFactory, write_squad: Callable[..., Path], passages: list[str], k: int
) -> None:
    columns = columns_of(tmp_path_factory.mktemp("c") / "c", write_squad, passages)
    for number, found in enumerate(answers(columns, k=k)):
        passage = passages[number // 2]
        assert 1 <= len(found) <= k
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        for one in found:
            assert one.id == f"q{number}"
            if tokenize(passage).words:
                assert one.text == passage[one.char_start : one.char_end]
                assert tokenize(one.text).words == tokenize(passage).words[one.start : one.end + 1]
                assert len(tokenize(one.text).words) <= 4
            else:
                assert one.text == ""


def test_reader_keeps_its_mode_and_gets_no_gradient(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    class Watching(Guess):
        def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
            seen.append((self.training, torch.is_grad_enabled()))
            return super().forward(batch)

    seen: list[Any] = []
    columns = columns_of(tmp_path / "c", write_squad, ["one two"])
    for mode in (True, False):
        reader = Watching().train(mode)
        predict(reader, columns, Form(), CPU, batch_size=1, max_answer_tokens=3)
        assert reader.training == mode
    assert seen == [(False, False)] * 4


def test_bar_counts_what_was_read(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    class Listener:
        def advance(self, count: int = 1, note: str = "") -> None:
            counts.append(count)

        def say(self, text: str) -> None:
            raise AssertionError(text)

    counts: list[int] = []
    columns = columns_of(tmp_path / "c", write_squad, ["one", "two", "three"])
    predict(Guess(), columns, Form(), CPU, batch_size=4, max_answer_tokens=3, bar=Listener())
    assert counts == [4, 2]
