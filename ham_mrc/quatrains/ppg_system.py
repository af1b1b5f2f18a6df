"""PPG as a system: lines asked for in any mixture of keywords, written by the beam; and its perplexity."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from ham_mrc.data_prep.poem_folder import PreparedPoem
from ham_mrc.quatrains.batch import PoemBatch
from ham_mrc.quatrains.beam import search
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.quatrains.ppg_state import join_lines
from ham_mrc.quatrains.request import LineRequest, Sampling, Written

AT_ONCE = 256
"""Lines in a batch of which perplexity is measured."""


@dataclass(frozen=True)
class PPGSystem:
    """`network`, in evaluation mode. `next_keyword` gives the keyword after those of the lines there are."""

    network: PPG
    next_keyword: Callable[[Sequence[str]], str]

    @property
    def name(self) -> str:
        """What tables call it."""
        return "ppg"

    @property
    def uses_keywords(self) -> bool:
        """Each line is written to one."""
        return True

    def write(
        self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1, sample: Sampling | None = None
    ) -> list[list[Written]]:
        """The `n` best lines of each request, best first, or drawn; [] where none fits.

        Raises HamError for a request without a keyword.
        """
        found: list[list[Written]] = [[] for _ in requests]
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, request in enumerate(requests):
            groups[request.length, request.position].append(place)
        for places in groups.values():
            lines = search(self.network, [requests[place] for place in places], width=beam, n=n, sample=sample)
            for place, written in zip(places, lines, strict=True):
                found[place] = written
        return found

    @torch.inference_mode()
    def perplexity(self, poems: Sequence[PreparedPoem], *, keywords: str) -> float | None:
        """Of lines 2 to 4 of `poems`, ends included, each with the poet's lines before it.

        Its keyword is planned from theirs, or the "oracle", which was taken from the line itself and leaks it.
        """
        planned = cache(self.next_keyword)
        groups: dict[tuple[int, int, int], list[tuple[str, tuple[str, ...], str]]] = defaultdict(list)
        for prepared in poems:
            for step in (1, 2, 3):
                keyword = prepared.keywords[step] if keywords == "oracle" else planned(prepared.keywords[:step])
                groups[prepared.poem.length, step, len(keyword)].append(_task(prepared, step, keyword))
        loss, symbols = 0.0, 0
        for (length, step, _), tasks in groups.items():
            for start in range(0, len(tasks), AT_ONCE):
                batch = self._batch(tasks[start : start + AT_ONCE], length, step + 1)
                found, count = self.network.loss(batch)
                loss, symbols = loss + float(found), symbols + count
        return math.exp(loss / symbols) if symbols else None

    def _batch(self, tasks: Sequence[tuple[str, tuple[str, ...], str]], length: int, position: int) -> PoemBatch:
        """The tensors of (keyword, lines before, line), all of one shape."""
        encode, device = self.network.characters.encode, self.network.embedding.weight.device
        keyword = torch.tensor([encode(keyword) for keyword, _, _ in tasks])
        text = torch.tensor([join_lines(self.network.characters, before) for _, before, _ in tasks])
        line = torch.tensor([encode(line) for _, _, line in tasks])
        lengths = [torch.full((len(tasks),), one.shape[1]) for one in (keyword, text)]
        return PoemBatch(keyword, lengths[0], text, lengths[1], line, length, position).to(device)


def _task(prepared: PreparedPoem, step: int, keyword: str) -> tuple[str, tuple[str, ...], str]:
    lines = prepared.poem.lines
    return keyword, lines[:step], lines[step]
