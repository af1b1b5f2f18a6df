"""The beam against greedy choice, against every line there is, and against the chances it draws from."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from poem_books import BOOK
from torch import Tensor, nn

from ham_mrc.data_prep.poem_vocab import END, SPECIALS, Characters
from ham_mrc.quatrains.beam import search
from ham_mrc.quatrains.constraints import NONE, Constraints
from ham_mrc.quatrains.examine import broken_rules
from ham_mrc.quatrains.request import LineRequest, Sampling, Written

LETTERS = "东木山竹"
CHARACTERS = Characters((*SPECIALS, *LETTERS))


@dataclass(frozen=True)
class Memory:
    """What the last two symbols were and how many there have been, by item."""

    last: Tensor  # (N, 2)
    source: Tensor  # (N,)
    step: int

    def pick(self, rows: Tensor) -> Memory:
        return replace(self, last=self.last[rows], source=self.source[rows])


class Tiny(nn.Module):
    """Chances that depend on the last two symbols, the place in the line, and the first letter of the keyword."""

    def __init__(self, seed: int = 0, sharp: float = 2.0) -> None:
        super().__init__()
        self.characters = CHARACTERS
        size = len(CHARACTERS)
        table = torch.randn(2, 8, size, size, size, generator=torch.Generator().manual_seed(seed)) * sharp
        self.table = nn.Parameter(table.log_softmax(-1), requires_grad=False)

    def begin(self, requests: Sequence[LineRequest]) -> Memory:
        sources = torch.tensor([int(request.keyword == "木") for request in requests])
        return Memory(torch.zeros(len(requests), 2, dtype=torch.long), sources, 0)

    def advance(self, state: Memory, symbols: Tensor) -> tuple[Tensor, Memory]:
        last = torch.stack([state.last[:, 1], symbols], 1)
        log_p = self.table[state.source, state.step, last[:, 0], last[:, 1]]
        return log_p, Memory(last, state.source, state.step + 1)

    def score(self, line: str, source: int = 0) -> float:
        """The sum of log P of a line and its end, symbol by symbol."""
        before, total = [0, CHARACTERS.start(len(line))], 0.0
        for step, symbol in enumerate([*CHARACTERS.encode(line), END]):
            total += float(self.table[source, step, before[0], before[1], symbol])
            before = [before[1], symbol]
        return total


def request(constraints: Constraints = NONE, keyword: str = "东") -> LineRequest:
    return LineRequest(5, (), keyword, constraints)


def every_line() -> list[str]:
    return ["".join(letters) for letters in itertools.product(LETTERS, repeat=5)]


def same(found: list[Written], lines: list[str], network: Tiny, source: int = 0) -> None:
    assert [one.line for one in found] == lines
    for one in found:
        assert one.score == pytest.approx(network.score(one.line, source), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_is_a_full_search(seed: int) -> None:
    network = Tiny(seed)
    best = sorted(every_line(), key=network.score, reverse=True)[:7]
    same(search(network, [request()], width=4**5, n=7)[0], best, network)


@pytest.mark.parametrize("seed", range(5))
def test_beam_1_is_greedy(seed: int) -> None:
    network, line, before = Tiny(seed), "", [0, CHARACTERS.start(5)]
    for step in range(5):
        chances = network.table[0, step, before[0], before[1], len(SPECIALS) :]
        before = [before[1], len(SPECIALS) + int(chances.argmax())]
        line += CHARACTERS.symbols[before[1]]
    same(search(network, [request()], width=1, n=3)[0], [line], network)


def test_a_wider_beam_finds_no_worse_line_at_the_end_of_a_full_one() -> None:
    network = Tiny(3)
    scores = [search(network, [request()], width=width, n=1)[0][0].score for width in (4**5, 10, 1)]
    assert scores[0] >= max(scores)


def test_special_symbols_are_never_written() -> None:
    network = Tiny(1)
    with torch.no_grad():
        network.table[..., : len(SPECIALS)] += 20
    for one in search(network, [request()], width=20, n=20)[0]:
        assert set(one.line) <= set(LETTERS)
        assert len(one.line) == 5


def test_a_batch_finds_what_single_requests_find() -> None:
    network = Tiny(2)
    requests = [request(), request(keyword="木"), request(Constraints(first="竹"))]
    together = search(network, requests, width=6, n=4)
    assert together == [search(network, [one], width=6, n=4)[0] for one in requests]
    assert together[0] != together[1]


def test_a_wide_beam_under_rules_is_a_full_search_under_rules() -> None:
    network, barred = Tiny(4), frozenset(sorted(every_line(), key=Tiny(4).score, reverse=True)[:3])
    asked = Constraints(first="木", barred=barred, rhyme="strict", book=BOOK, after=())
    poem = LineRequest(5, ("木木木木木",), "东", asked)
    allowed = [line for line in every_line() if line[0] == "木" and line not in barred and line[-1] in "东山"]
    best = sorted(allowed, key=network.score, reverse=True)[:5]
    found = search(network, [poem], width=4**5, n=5)[0]
    assert [one.line for one in found] == best


def test_costs_rank_but_are_not_in_the_score() -> None:
    network = Tiny(5)
    free = search(network, [request()], width=4**5, n=1)[0][0]
    asked = request(Constraints(worn=frozenset(free.line)))
    found = search(network, [asked], width=4**5, n=1)[0][0]
    ranks = {line: network.score(line) - 2.0 * sum(one in free.line for one in line) for line in every_line()}
    assert found.line == max(ranks, key=ranks.__getitem__)
    assert found.score == pytest.approx(network.score(found.line), abs=1e-4)


def test_nothing_fits_nothing_comes() -> None:
    impossible = Constraints(tones="strict", book=BOOK)
    poem = LineRequest(5, ("山山山山山",), "东", impossible)
    assert search(Tiny(), [poem, LineRequest(5, ("木木山山木",), "东")], width=8, n=2)[0] == []
    assert search(Tiny(), [poem], width=8, n=2, sample=Sampling()) == [[]]
    assert search(Tiny(), [], width=8, n=2) == []


def test_samples_follow_the_seed_and_the_chances() -> None:
    network = Tiny(6, sharp=0.7)
    drawn = search(network, [request()], width=4000, n=4000, sample=Sampling(seed=3))[0]
    assert drawn == search(network, [request()], width=4000, n=4000, sample=Sampling(seed=3))[0]
    assert drawn != search(network, [request()], width=4000, n=4000, sample=Sampling(seed=4))[0]
    for one in drawn[:5]:
        assert one.score == pytest.approx(network.score(one.line), abs=1e-4)
    # 400 single draws by 400 seeds: how often each first letter comes, within five standard deviations
    firsts = Counter(
        search(network, [request()], width=1, n=1, sample=Sampling(seed=seed))[0][0].line[0] for seed in range(400)
    )
    chances = network.table[0, 0, 0, CHARACTERS.start(5), len(SPECIALS) :].softmax(-1).tolist()
    for letter, chance in zip(LETTERS, chances, strict=True):
        assert abs(firsts[letter] - 400 * chance) < 5 * math.sqrt(400 * chance * (1 - chance))


def test_cold_samples_are_greedy() -> None:
    network = Tiny(7)
    greedy = search(network, [request()], width=1, n=1)[0]
    assert search(network, [request()], width=3, n=3, sample=Sampling(temperature=1e-4))[0] == greedy


def test_samples_obey() -> None:
    before = ("东木山东木", "山山木竹东", "东山山竹木")  # pattern 1, whose last line is *ZZPP
    asked = Constraints(tones="strict", rhyme="strict", first="竹", book=BOOK)
    found = search(Tiny(8), [LineRequest(5, before, "东", asked)], width=30, n=30, sample=Sampling(seed=1))[0]
    assert len(found) > 2
    for one in found:
        poem = (*before, one.line)
        assert broken_rules(poem, length=5, tones="strict", rhyme="strict", book=BOOK) == []
        assert one.line[0] == "竹"
        assert one.line[-1] == "东"
