"""Examples to the columns of one part: tokenised, labelled, cut, each passage stored once, everything counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from ham_mrc.data_prep.manifest import PartCounts
from ham_mrc.data_prep.request import Limits
from ham_mrc.data_prep.shard_writer import ColumnsWriter
from ham_mrc.data_prep.spans import Reason, Span, find_span
from ham_mrc.data_prep.split import passages_digest
from ham_mrc.data_prep.vocab import Interner
from ham_mrc.records import Example
from ham_mrc.text import Tokens, tokenize

# The questions of a passage follow each other in most files, and a random split sends them to several parts.
_tokens = lru_cache(maxsize=64)(tokenize)


class PartEncoder:
    """Writes one part. With `training`, questions without a label are dropped; otherwise only a repeated id is.

    `interner` gives words their ids and may be shared by several parts. A context manager.
    """

    def __init__(self, folder: Path, interner: Interner, *, limits: Limits, lowercase: bool, training: bool) -> None:
        self.folder = folder
        self.training = training
        self.limits = limits
        self.ids: set[str] = set()
        self.questions_at: Counter[bytes] = Counter()  # digest of the passages -> questions asked on them
        self._lowercase = lowercase
        self._interner = interner
        self._writer = ColumnsWriter(folder)
        self._rows: dict[bytes, int] = {}
        self._dropped: Counter[Reason] = Counter()
        self._unlabelled: Counter[Reason] = Counter()
        self._read = self._kept = self._moved = self._cut_passages = self._cut_questions = 0

    def add(self, example: Example) -> tuple[bool, Reason | None]:
        """Whether the example was kept, and why it has no label (None where it has one)."""
        self._read += 1
        passages = [_tokens(passage) for passage in example.passages]
        question = tokenize(example.question)
        span = self._label(example, passages, question)
        reason = span if isinstance(span, Reason) else None
        self.ids.add(example.id)
        if reason is Reason.DUPLICATE_ID or (reason and self.training):
            self._dropped[reason] += 1
            return False, reason
        if isinstance(span, Span):
            self._moved += not span.exact
        else:
            self._unlabelled[span] += 1
        self._write(example, passages, question, None if isinstance(span, Reason) else span)
        return True, reason

    def _label(self, example: Example, passages: list[Tokens], question: Tokens) -> Span | Reason:
        if example.id in self.ids:
            return Reason.DUPLICATE_ID
        if not question.words:
            return Reason.EMPTY_QUESTION
        if not any(tokens.words for tokens in passages):
            return Reason.EMPTY_PASSAGE
        if not example.answers:
            return Reason.NO_ANSWER
        answer = example.answers[0]  # the first one trains, all of them score
        return find_span(answer, example.passages[answer.passage], passages[answer.passage], self.limits.passage)

    def _write(self, example: Example, passages: list[Tokens], question: Tokens, span: Span | None) -> None:
        self._kept += 1
        self._cut_questions += len(question.words) > self.limits.question
        digest = passages_digest(example)
        self.questions_at[digest] += 1
        if digest not in self._rows:
            self._rows[digest] = self._writer.passages
            for text, tokens in zip(example.passages, passages, strict=True):
                self._write_passage(text, tokens)
        self._writer.add_question(
            example.id,
            example.question,
            self._encode(question.words[: self.limits.question]),
            passage=self._rows[digest],
            passages=len(passages),
            start=span.start if span else -1,
            end=span.end if span else -1,
            answer_passage=example.answers[0].passage if span else 0,
        )

    def _write_passage(self, text: str, tokens: Tokens) -> None:
        limit = self.limits.passage
        self._cut_passages += len(tokens.words) > limit
        ids = self._encode(tokens.words[:limit])
        self._writer.add_passage(text, ids, tokens.char_starts[:limit], tokens.char_ends[:limit])

    def _encode(self, words: Iterable[str]) -> list[int]:
        interner = self._interner
        if self._lowercase:
            return [interner[word.lower()] for word in words]
        return [interner[word] for word in words]

    def counts(self, train: PartEncoder | None = None) -> PartCounts:
        """What was counted so far; with `train`, also what is shared with that part."""
        counts = PartCounts(
            read=self._read,
            kept=self._kept,
            dropped=_by_name(self._dropped),
            unlabelled=_by_name(self._unlabelled),
            moved=self._moved,
            passages=self._writer.passages,
            cut_passages=self._cut_passages,
            cut_questions=self._cut_questions,
        )
        if train is None or train is self:
            return counts
        shared = self.questions_at.keys() & train.questions_at.keys()
        return replace(
            counts,
            passages_in_train=len(shared),
            questions_on_train_passages=sum(self.questions_at[digest] for digest in shared),
            ids_in_train=len(self.ids & train.ids),
        )

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *fault: object) -> None:
        self._writer.__exit__(*fault)  # type: ignore[arg-type]


def _by_name(counter: Counter[Reason]) -> dict[str, int]:
    """Counts in the order in which the reasons are declared, so that the same input gives the same bytes."""
    return {reason.value: counter[reason] for reason in Reason if counter[reason]}
