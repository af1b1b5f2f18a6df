"""The translation baseline from counting to writing, on nonsense poems."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from poem_builders import ONES, WORDS, nonsense, prepared

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import END
from ham_mrc.errors import HamError
from ham_mrc.eval.quatrains import References, bleu2, total
from ham_mrc.quatrains.constraints import Constraints
from ham_mrc.quatrains.judge import WORN
from ham_mrc.quatrains.request import LineRequest, Sampling
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.smt import SMT, SMTSettings
from ham_mrc.quatrains.smt_build import START, build_smt
from ham_mrc.quatrains.smt_first_line import WHERE
from ham_mrc.quatrains.smt_model import COHERENCE, FEATURES, NETWORK, PLACE, SPANS, TRIGRAM
from ham_mrc.quatrains.smt_network import NetworkScorer
from ham_mrc.quatrains.smt_run import WORDS as IN_WORDS
from ham_mrc.quatrains.smt_run import open_smt

QUICK = SMTSettings(width=10, tuning_lines=30, tuning_rounds=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(300))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, folder: PoemFolder) -> Path:
    out = tmp_path_factory.mktemp("run")
    build_smt(folder, out, QUICK)
    return out


@pytest.fixture(scope="module")
def smt(run: Path, folder: PoemFolder) -> SMT:
    return open_smt(run, folder.characters)


def asked(folder: PoemFolder, length: int, step: int, count: int = 5) -> list[LineRequest]:
    poems = [one.poem for one in folder.poems("test") if one.poem.length == length][:count]
    return [LineRequest(length, poem.lines[:step]) for poem in poems]


def test_lines_are_as_long_as_asked_and_say_nothing_twice(smt: SMT, folder: PoemFolder) -> None:
    for length in (5, 7):
        for step in (1, 2, 3):
            requests = asked(folder, length, step)
            for found in smt.write(requests, beam=5, n=4):
                assert len(found) == 4
                assert len({one.line for one in found}) == 4
                assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
                for one in found:
                    assert len(set(one.line)) == len(one.line) == length
                    assert all(map(folder.characters.knows, one.line))


def test_tuning_raises_the_figure_that_is_reported(smt: SMT, folder: PoemFolder) -> None:
    start = np.array([START[name] if name != "network" else 0.0 for name in FEATURES])
    for length in (5, 7):
        told = smt.tuning[str(length)]
        assert told["before"] == told["rounds"][0]
        assert told["after"] == max(told["rounds"]) >= told["before"]
        assert told["references"] == "multi"
        poems = folder.poems("valid")
        rows = [row for row, one in enumerate(poems) if one.poem.length == length]
        assert told["lines"] == 3 * min(10, len(rows))
        if len(rows) <= 10:  # all of them were taken, so that the figures can be had again
            for weights, figure in ((start, told["before"]), (smt.weights[length], told["after"])):
                again = replace(smt, weights={length: weights})
                cells = []
                for step in (1, 2, 3):
                    counts = []
                    for row in rows:
                        ((best,),) = again.write([LineRequest(length, poems[row].poem.lines[:step])], beam=1)
                        counts.append(References(folder.references("valid")[row].lines[step]).count(best.line))
                    cells.append(bleu2(total(counts)))
                assert np.mean(cells) == pytest.approx(figure, abs=1e-9)


@pytest.mark.parametrize("spans", [-2.0, 2.0])  # long spans, short spans
def test_features_are_what_their_names_say(smt: SMT, folder: PoemFolder, spans: float) -> None:
    model, weights = smt.model, np.array([START[name] for name in FEATURES])
    weights[SPANS] = spans
    for request in asked(folder, 7, 2, 3):
        earlier = np.array(model.characters.encode("".join(request.before)))
        for one in smt.lines(request, weights, width=20, n=5):
            trigram = model.trigram.line_log_probs(one.characters[None], model.characters.start(7))[0]
            assert one.features[TRIGRAM] == pytest.approx(trigram, abs=1e-4)
            coherence = model.coherence.with_lines(earlier)[one.characters].sum()
            assert one.features[COHERENCE] == pytest.approx(coherence, abs=1e-6)
            place = model.places[2, 7][np.arange(7), one.characters].sum()
            assert one.features[PLACE] == pytest.approx(place, abs=1e-5)
            assert one.features[SPANS] == pytest.approx(round(one.features[SPANS]), abs=1e-9)
            assert (3 <= round(one.features[SPANS]) < 7) if spans < 0 else round(one.features[SPANS]) == 7
            assert one.features[NETWORK] == 0
            assert one.score == pytest.approx(one.features @ weights, abs=1e-6)


def test_an_option_adds_the_scores_of_its_entry(smt: SMT, folder: PoemFolder) -> None:
    (request,) = asked(folder, 5, 1, 1)
    line = np.array(smt.model.characters.encode(request.before[0]))
    options = smt.model.options(request.before)
    for k in (1, 2, 3):
        entries = smt.model.tables[1, 5].entries(line, k)
        for place in range(5):
            rows = np.arange(options.begins[place], options.begins[place + 1])
            rows = rows[options.lengths[rows] == k]
            own = entries.place == place
            assert np.array_equal(options.written[rows, :k], entries.written[own])
            assert np.allclose(options.gains[rows].sum(axis=1)[:, :4], entries.scores[own], atol=1e-6)


@pytest.mark.parametrize("first", ["孤", "香"])
def test_a_line_can_be_made_to_begin_with_any_character(smt: SMT, folder: PoemFolder, first: str) -> None:
    for step in (0, 1, 3):
        for request in asked(folder, 5, step, 2):
            asks = replace(request, keyword="明月", constraints=Constraints(first=first))
            ((best, *_),) = smt.write([asks], n=2)
            assert best.line[0] == first
            assert len(set(best.line)) == 5


def test_barred_lines_are_not_written(smt: SMT, folder: PoemFolder) -> None:
    (request,) = asked(folder, 7, 1, 1)
    ((best, second),) = smt.write([request], n=2)
    ((instead,),) = smt.write([replace(request, constraints=Constraints(barred=frozenset({best.line})))])
    assert instead.line == second.line


def test_what_is_only_preferred_costs_nats_of_the_trigram(smt: SMT, folder: PoemFolder) -> None:
    (request,) = asked(folder, 7, 1, 1)
    weights = np.array([START[name] for name in FEATURES])
    before = {tuple(one.characters): one.score for one in smt.lines(request, weights, width=50, n=50)}
    worn = folder.characters.symbols[next(iter(before))[0]]
    request = replace(request, constraints=Constraints(worn=frozenset(worn)))
    after = {tuple(one.characters): one.score for one in smt.lines(request, weights, width=50, n=50)}
    dearer = [line for line in before.keys() & after.keys() if line[0] == folder.characters.encode(worn)[0]]
    assert dearer
    for line in dearer:
        assert before[line] - after[line] == pytest.approx(WORN * weights[TRIGRAM], abs=1e-6)


def test_a_sample_is_its_seeds(smt: SMT, folder: PoemFolder) -> None:
    (request,) = asked(folder, 7, 1, 1)

    def drawn(seed: int, temperature: float = 1.0) -> list[str]:
        return [one.line for one in smt.write([request], n=3, sample=Sampling(temperature, seed))[0]]

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(8)}) > 4
    best = [one.line for one in smt.write([request], n=3)[0]]
    assert drawn(1, 1e-6) == best  # hardly any chance is left


@pytest.mark.parametrize("length", [5, 7])
def test_first_lines_are_made_of_the_phrases_of_the_keywords_theme(smt: SMT, length: int) -> None:
    ((best, *others),) = smt.write([LineRequest(length, (), "秋雨")], n=4)
    assert "秋雨" in best.line
    for one in (best, *others):
        assert len(set(one.line)) == len(one.line) == length
    assert "夕阳" in "".join(one.line for one in (best, *others))


def shapes(length: int, place: int = 0) -> set[tuple[int, ...]]:
    """All ways to fill a line with phrases where WHERE lets them begin."""
    if place == length:
        return {()}
    return {(k, *rest) for k, places in WHERE[length].items() if place in places for rest in shapes(length, place + k)}


def test_phrases_stand_where_segments_do() -> None:
    assert shapes(5) == {(2, 2, 1), (2, 1, 2), (2, 3)}
    assert shapes(7) == {(2, 2, 2, 1), (2, 2, 1, 2), (2, 2, 3)}


def test_a_keyword_of_no_theme_brings_characters_of_its_poems(tmp_path: Path) -> None:
    # Two kinds of poems that share no word: a line about a word of one kind has none of the other.
    halves = (WORDS[:7], WORDS[7:])
    choose, poems = random.Random(0), nonsense(300, fives=1.0)
    for number, poem in enumerate(poems):
        words, ones = halves[number % 2], ONES[7 * (number % 2) :][:7]
        poem["lines"] = ["".join([*choose.sample(words, 2), choose.choice(ones)]) for _ in range(4)]
    folder = prepared(tmp_path, poems, taxonomy=False)
    smt = build_smt(folder, tmp_path, replace(QUICK, tuning_rounds=0))
    known = {character for half in halves[:1] for word in half for character in word} | set(ONES[:7])
    ((best,),) = smt.write([LineRequest(5, (), "青山")])
    assert set(best.line) <= known
    assert "青山" in best.line
    with pytest.raises(HamError) as caught:
        smt.write([LineRequest(7, ("春风明月青山来",))])
    assert str(caught.value) == "the training poems had no line of 7 characters; ask for 5"
    assert open_smt(tmp_path, folder.characters).write([LineRequest(5, (), "青山")]) == [[best]]


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("", "no keyword for the first line; give another theme, or a first line"),
        ("卜丫", "no known character in the keyword '卜丫'; give another theme, or a first line"),
    ],
)
def test_a_first_line_needs_a_keyword(smt: SMT, keyword: str, message: str) -> None:
    with pytest.raises(HamError) as caught:
        smt.write([LineRequest(7, (), keyword)])
    assert str(caught.value) == message


def test_without_a_taxonomy_it_is_tuned_on_single_references(tmp_path: Path) -> None:
    folder = prepared(tmp_path, nonsense(200), taxonomy=False)
    smt = build_smt(folder, tmp_path / "run", SMTSettings(width=5, tuning_lines=9, tuning_rounds=2), seed=1)
    assert smt.tuning["7"]["references"] == smt.settings.references == "single"
    assert json.loads((tmp_path / "run" / IN_WORDS).read_bytes())["settings"]["references"] == "single"


def test_spans_can_be_those_that_the_alignments_link(folder: PoemFolder, smt: SMT, tmp_path: Path) -> None:
    linked = build_smt(folder, tmp_path, replace(QUICK, align="ibm", tuning_rounds=1))
    requests = asked(folder, 5, 1)
    assert [len(one.line) for (one,) in linked.write(requests)] == [5] * len(requests)
    assert len(linked.model.tables[1, 5]) < len(smt.model.tables[1, 5])
    assert open_smt(tmp_path, folder.characters).settings.align == "ibm"


def test_a_network_is_one_more_feature(folder: PoemFolder, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RNNPG(folder.characters, width=8).eval()

    def scorer(request: LineRequest) -> NetworkScorer:
        return NetworkScorer(network, request)

    settings = SMTSettings(features="table", width=5, tuning_lines=6, tuning_rounds=2)
    built = build_smt(folder, tmp_path, settings, network=scorer)
    used = {FEATURES[column] for column in np.flatnonzero(built.weights[7])}
    assert used <= {"inverse_phrase", "inverse_lexical", "trigram", "network"}
    opened = open_smt(tmp_path, folder.characters, network=scorer)
    for request in asked(folder, 7, 2, 2):
        for line in opened.lines(request, opened.weights[7], width=5, n=3):
            state = network.begin([request])
            log_p, text = 0.0, [folder.characters.start(7), *line.characters.tolist(), END]
            for symbol, after in pairwise(text):
                logs, state = network.advance(state, torch.tensor([symbol]))
                log_p += float(logs[0, after])
            assert line.features[NETWORK] == pytest.approx(log_p, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width = 0: must be 1 or more"),
        ({"tuning_lines": 2}, "tuning_lines = 2: must be 3 or more"),
        ({"tuning_rounds": -1}, "tuning_rounds = -1: must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, int], message: str) -> None:
    with pytest.raises(HamError) as caught:
        SMTSettings(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == message
