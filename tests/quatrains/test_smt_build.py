"""What the translation baseline is counted and tuned on, against slow counts over the training part."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations, permutations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from poem_builders import nonsense, prepared

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import END, PAD, S5, S7, SPECIALS, UNK, Characters
from ham_mrc.eval.quatrains import LineCounts
from ham_mrc.quatrains import smt_build, smt_first_line
from ham_mrc.quatrains.coherence import count_coherence
from ham_mrc.quatrains.ibm1 import train_ibm1
from ham_mrc.quatrains.mert import Candidate, Candidates, Tuned, decoded_figure, line_search, tune
from ham_mrc.quatrains.phrase_table import build_table, placed_spans
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.rnnpg_system import add_decoder, open_rnnpg
from ham_mrc.quatrains.smt import SMT, SMTSettings
from ham_mrc.quatrains.smt_build import build_smt, tune_smt
from ham_mrc.quatrains.smt_first_line import first_line_options
from ham_mrc.quatrains.smt_model import FEATURES, Model
from ham_mrc.quatrains.trigram import count_trigrams

UNTUNED = SMTSettings(tuning_rounds=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(300))


@pytest.fixture(scope="module")
def smt(folder: PoemFolder, tmp_path_factory: pytest.TempPathFactory) -> SMT:
    return build_smt(folder, tmp_path_factory.mktemp("run"), UNTUNED)


def training_poems(folder: PoemFolder, length: int) -> list[list[list[int]]]:
    """Poems of the training part as ids."""
    poems = [one.poem for one in folder.poems("train") if one.poem.length == length]
    return [[folder.characters.encode(line) for line in poem.lines] for poem in poems]


def both_lengths(folder: PoemFolder) -> list[list[list[int]]]:
    return [*training_poems(folder, 5), *training_poems(folder, 7)]


def test_coherence_counts_the_training_poems(smt: SMT, folder: PoemFolder) -> None:
    together: Counter[tuple[int, int]] = Counter()
    for poem in both_lengths(folder):
        for one, other in permutations(poem, 2):
            together.update(product(one, other))
    coherence = smt.model.coherence
    rows = np.repeat(np.arange(len(folder.characters)), np.diff(coherence.starts)).tolist()
    found = zip(rows, coherence.others.tolist(), strict=True)
    assert dict(zip(found, coherence.counts.tolist(), strict=True)) == together


def test_the_trigram_counts_the_training_lines(smt: SMT, folder: PoemFolder) -> None:
    lines = [line for poem in both_lengths(folder) for line in poem]
    counts = Counter(symbol for line in lines for symbol in (*line, END))
    once, twice = (sum(count == times for count in counts.values()) for times in (1, 2))
    discount = once / (once + 2 * twice) if once and twice else 0.5
    total, size = sum(counts.values()), len(folder.characters) - 4  # <pad>, <sep>, <s5> and <s7> are in no line
    for symbol, count in counts.items():
        share = (count - discount) / total + discount * len(counts) / total / size
        assert smt.model.trigram.unigrams[symbol] == pytest.approx(math.log(share), abs=1e-5)
    starts = {5: S5, 7: S7}
    framed = [[starts[len(line)]] * 2 + line + [END] for line in lines]
    triples = {tuple(line[at : at + 3]) for line in framed for at in range(len(line) - 2)}
    trigram = smt.model.trigram
    contexts = np.repeat(trigram.contexts, np.diff(trigram.starts)).tolist()
    v = len(folder.characters)
    assert {(c // v, c % v, d) for c, d in zip(contexts, trigram.followers.tolist(), strict=True)} == triples


def test_places_count_the_training_lines_of_their_step(smt: SMT, folder: PoemFolder) -> None:
    for (step, length), logs in smt.model.places.items():
        lines = [poem[step] for poem in training_poems(folder, length)]
        for symbol in {one for line in lines for one in line}:
            at = [sum(line[place] == symbol for line in lines) for place in range(length)]
            shares = [(count + 5 / length) / (sum(at) + 5) for count in at]
            assert np.exp(logs[:, symbol]).tolist() == pytest.approx(shares, rel=1e-5)


def slow_ibm1(pairs: list[tuple[list[int], list[int]]]) -> dict[tuple[int, int], float]:
    """t(e | f) after five rounds by the equations of Brown et al. 1993, section 4.1, the empty word among the f."""
    t = {(f, e): 1.0 for given, other in pairs for f in [PAD, *given] for e in other}
    for _ in range(5):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        totals: dict[int, float] = defaultdict(float)
        for given, other in pairs:
            for e in other:
                total = sum(t[f, e] for f in [PAD, *given])
                for f in [PAD, *given]:
                    counts[f, e] += t[f, e] / total
                    totals[f] += t[f, e] / total
        t = {pair: count / totals[pair[0]] for pair, count in counts.items()}
    return t


@pytest.mark.parametrize(("step", "length"), [(1, 5), (3, 7)])
def test_a_table_has_the_counts_and_the_lexicons_of_the_training_part(
    smt: SMT, folder: PoemFolder, step: int, length: int
) -> None:
    pairs = [(poem[step - 1], poem[step]) for poem in training_poems(folder, length)]
    forward, back = slow_ibm1(pairs), slow_ibm1([(below, above) for above, below in pairs])
    table, directions = smt.model.tables[step, length], 0
    for k in (1, 2, 3):
        spans = Counter(
            (tuple(f[at : at + k]), tuple(e[at : at + k])) for f, e in pairs for at in range(length - k + 1)
        )
        above, below = Counter[tuple[int, ...]](), Counter[tuple[int, ...]]()
        for (f, e), count in spans.items():
            above[f] += count
            below[e] += count
        total = sum(spans.values())
        for f in above:
            entries = table.entries(np.array(f), k)
            for e, scores in zip(map(tuple, entries.written.tolist()), entries.scores.tolist(), strict=True):
                if (f, e) not in spans:
                    continue  # one of the commonest characters
                phrase = (spans[f, e] + below[e] / total) / (above[f] + 1)
                inverse = (spans[f, e] + above[f] / total) / (below[e] + 1)
                lexical = [math.prod(forward[one] for one in zip(f, e, strict=True))]
                lexical += [math.prod(back[one] for one in zip(e, f, strict=True))]
                assert scores == pytest.approx([math.log(one) for one in (phrase, inverse, *lexical)], abs=1e-3)
                directions += abs(math.log(lexical[0] / lexical[1])) > 0.1
    assert directions > 50


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_span_keeps_its_forty_best(k: int) -> None:
    first = len(SPECIALS)
    below = np.array([[first + 10 + n, first + 3, first + 4] for n in range(60) for _ in range(n + 2)])
    pairs, size = [(np.tile([first, first + 1, first + 2], (len(below), 1)), below)], first + 100
    lexicons = train_ibm1(pairs, size), train_ibm1([(e, f) for f, e in pairs], size)
    table = build_table(lambda n: placed_spans(pairs, n), lexicons, size)
    found = table.entries(pairs[0][0][0, :k], k)
    assert found.place.tolist().count(0) == 40
    assert set(found.written[found.place == 0, 0].tolist()) == {first + 10 + n for n in range(20, 60)}


@contextmanager
def untuned(decoded: Callable[[Any], object] | None = None) -> Iterator[list[set[str]]]:
    """In here tuning keeps the weights; gives the features that it may move, by length.

    `decoded` is called with what each length's first decoding gave.
    """
    moved: list[set[str]] = []

    def instead(decode: Any, cells: Any, weights: np.ndarray, *, free: Sequence[int], **settings: Any) -> Tuned:
        moved.append({FEATURES[column] for column in free})
        if decoded is not None:
            decoded(decode(weights))
        return Tuned(weights, 0.0, (0.0,))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smt_build, "tune", instead)
        yield moved


def test_rnnpgs_decoder_has_four_features(folder: PoemFolder, tmp_path: Path) -> None:
    four = {"inverse_phrase", "inverse_lexical", "trigram", "network"}
    network = RNNPG(folder.characters, width=4)
    with untuned() as moved:
        add_decoder(network, folder, tmp_path, seed=2)
    assert moved == [four, four]
    for weights in open_rnnpg(network, tmp_path).decoder.weights.values():
        assert {FEATURES[column] for column in np.flatnonzero(weights)} == four


def test_alone_it_has_all_features_but_a_network(smt: SMT, folder: PoemFolder, tmp_path: Path) -> None:
    with untuned() as moved:
        build_smt(folder, tmp_path)
    published = {"phrase", "inverse_phrase", "lexical", "inverse_lexical", "trigram", "spans", "coherence", "place"}
    assert moved == [published, published]


def test_tuning_sees_the_hundred_best_of_a_line(smt: SMT, folder: PoemFolder) -> None:
    few, rounds = replace(smt, settings=SMTSettings(tuning_lines=9)), list[list[list[Candidate]]]()
    with untuned(rounds.append):
        tune_smt(few, folder, [0], 3)
    for length, lines in zip((5, 7), rounds, strict=True):
        assert len(lines) == 9
        for candidates in lines:
            assert len({one.text for one in candidates}) == len(candidates) == 100
            scores = [float(one.features @ smt.weights[length]) for one in candidates]
            assert scores == sorted(scores, reverse=True)


def drawn(smt: SMT, folder: PoemFolder, seed: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What stands above the lines to tune on."""
    asked: list[tuple[str, ...]] = []

    def lines(self: SMT, request: LineRequest, *args: Any, **options: Any) -> list[Any]:
        asked.append(tuple(request.before))
        return []

    with monkeypatch.context() as patch, untuned(len):
        patch.setattr(SMT, "lines", lines)
        tune_smt(smt, folder, [0], seed)
    return asked


def test_the_seed_draws_the_lines_of_valid_to_tune_on(
    smt: SMT, folder: PoemFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(smt, settings=SMTSettings(tuning_lines=9))
    poems = [tuple(one.poem.lines) for one in folder.poems("valid")]
    seen: Counter[tuple[str, ...]] = Counter()
    for seed in range(60):
        asked = drawn(few, folder, seed, monkeypatch)
        assert asked == drawn(few, folder, seed, monkeypatch)
        whole = [poem for poem in poems if poem[:1] in asked]
        assert [sum(len(poem[0]) == length for poem in whole) for length in (5, 7)] == [3, 3]
        assert sorted(asked) == sorted(poem[:step] for poem in whole for step in (1, 2, 3))
        seen.update(whole)
    assert set(seen) == set(poems)
    assert max(seen.values()) < 40  # of 8 and of 22 poems three: about 22 and 8 times each


def climbing() -> list[list[Candidate]]:
    """Good is best where both weights are above 0 and neither is more than thrice the other, bad elsewhere."""
    bad, good = LineCounts(1, 1, 5, 4, 5), LineCounts(5, 4, 5, 4, 5)
    places = {"start": (-0.1, -0.1), "left": (-2.0, 2.0), "right": (2.0, -2.0)}
    rows = [Candidate(name, np.array(place), bad) for name, place in places.items()]
    return [[*rows, Candidate("good", np.array([1.0, 1.0]), good)]]


@pytest.mark.parametrize("seed", range(5))
def test_tuning_goes_where_no_axis_leads(seed: int) -> None:
    def decode(weights: np.ndarray) -> list[list[Candidate]]:
        return [sorted(some, key=lambda one: -float(one.features @ weights)) for some in climbing()]

    start = np.array([-0.5, -0.5])
    for axis, far in product(np.eye(2), np.linspace(-50, 50, 1001)):
        assert decoded_figure(decode(start + far * axis), np.array([0])) < 50
    assert tune(decode, [0], start, free=[0, 1], seed=seed).figure == pytest.approx(100)


def met(height: float, slope: float, matches: int) -> Candidate:
    return Candidate(f"{height} {slope}", np.array([height, slope]), LineCounts(matches, matches, 5, 4, 5))


RISING = [met(1, 0, matches=1), met(0, 1, matches=4)]
FALLING = [met(1, 0, matches=4), met(0, 1, matches=1)]
BETWEEN = [met(1, 0, matches=1), met(0, 1, matches=4), met(-1, 2, matches=1)]


@pytest.mark.parametrize("lines", [[RISING, FALLING], [FALLING, RISING], [BETWEEN]])
def test_what_is_best_at_a_single_point_is_not_gone_to(lines: list[list[Candidate]]) -> None:
    # All candidates meet at 1: whatever stands there between two changes is nobody's best, left or right of it.
    candidates = Candidates([0] * len(lines))
    candidates.add(lines)
    step, gain = line_search(*candidates.arrays(), candidates.cells, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert gain == pytest.approx(0)
    assert abs(step - 1) > 0.01


class Nearness(NamedTuple):
    """A model and how often two characters stand in different lines of one of its poems."""

    model: Model
    together: Counter[frozenset[int]]


@pytest.fixture
def nearness() -> Nearness:
    """In ten poems about the moon 近 always stands, 花鸟 mostly and 远 once, which is in all the others."""
    characters = Characters((*SPECIALS, *"月近远花鸟"))
    poems = []
    for number in range(40):
        about = [["月"], ["近远"] if number == 0 else ["近"], ["花鸟"] if number < 8 else [], []]
        other = [["远"], [], ["花鸟"] if number < 12 else [], []]
        lines = ["".join(line).ljust(5, "口") for line in (about if number < 10 else other)]  # 口 is unknown
        poems.append([characters.encode(line) for line in lines])
    array = np.array(poems)
    together: Counter[frozenset[int]] = Counter()
    for poem in poems:
        for one, two in combinations(poem, 2):
            together.update(frozenset(pair) for pair in product(set(one) - {UNK}, set(two) - {UNK}))
    size = len(characters)
    trigram, coherence = count_trigrams({S5: array.reshape(-1, 5)}, size), count_coherence([array], size)
    return Nearness(Model(characters, trigram, coherence, {}, {}), together)


def test_of_a_pair_both_are_near_the_keyword(nearness: Nearness, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nearness.model
    moon, near, far, flower, bird = range(len(SPECIALS), len(model.characters))
    times = [nearness.together[frozenset({moon, one})] for one in (near, far, flower, bird)]
    assert times == [10, 1, 8, 8]
    monkeypatch.setattr(smt_first_line, "NEAREST", 1)
    options = first_line_options(model, None, "月", 5)
    pairs = {tuple(written[:2]) for written, k in zip(options.written.tolist(), options.lengths, strict=True) if k == 2}
    assert pairs == {(flower, bird)}
