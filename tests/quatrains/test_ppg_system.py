"""PPG as a system: what is asked for together and apart, perplexity, and every system by its run folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from poem_builders import nonsense, prepared

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import END
from ham_mrc.quatrains import SYSTEMS
from ham_mrc.quatrains.looks import look
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.quatrains.ppg_system import PPGSystem
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.training.poem_batches import LineRows
from ham_mrc.training.poem_systems import settings_of_systems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(60))


@pytest.fixture(scope="module")
def network(folder: PoemFolder) -> PPG:
    torch.manual_seed(2)
    return PPG(folder.characters, embedding=12, hidden=10, depth=3).double().eval()


def last_again(keywords: Sequence[str]) -> str:
    return keywords[-1]


def test_requests_of_any_shape_come_back_in_their_order(folder: PoemFolder, network: PPG) -> None:
    system, poems = PPGSystem(network, last_again), folder.poems("test")
    requests = [
        LineRequest(one.poem.length, one.poem.lines[:step], one.keywords[step]) for one in poems for step in range(4)
    ]
    together = system.write(requests, beam=3, n=2)
    for request, lines in zip(requests, together, strict=True):
        (alone,) = system.write([request], beam=3, n=2)
        assert [one.line for one in lines] == [one.line for one in alone]
        assert [one.score for one in lines] == pytest.approx([one.score for one in alone])
        assert all(len(one.line) == request.length for one in lines)
    assert system.write([]) == []


def slow_perplexity(network: PPG, folder: PoemFolder, planned: bool) -> float:
    """Symbol by symbol through the search's own steps, one poem and line at a time."""
    total, symbols = 0.0, 0
    for one in folder.poems("test"):
        for step in (1, 2, 3):
            keyword = one.keywords[step - 1] if planned else one.keywords[step]
            state = network.begin([LineRequest(one.poem.length, one.poem.lines[:step], keyword)])
            line = network.characters.encode(one.poem.lines[step])
            for given, wanted in zip([network.characters.start(len(line)), *line], [*line, END], strict=True):
                log_p, state = network.advance(state, torch.tensor([given]))
                total, symbols = total - float(log_p[0, wanted]), symbols + 1
    return math.exp(total / symbols)


@pytest.mark.parametrize("keywords", ["planned", "oracle"])
def test_perplexity_of_lines_two_to_four(folder: PoemFolder, network: PPG, keywords: str) -> None:
    found = PPGSystem(network, last_again).perplexity(folder.poems("test"), keywords=keywords)
    assert found == pytest.approx(slow_perplexity(network, folder, keywords == "planned"))


def test_a_part_without_poems_has_no_perplexity(network: PPG) -> None:
    assert PPGSystem(network, last_again).perplexity([], keywords="oracle") is None


def test_what_the_columns_hold_is_what_requests_ask_for(folder: PoemFolder, network: PPG) -> None:
    """The loss over the prepared integers is that of the texts: one data flow, read at both of its ends."""
    rows = LineRows(folder.triples("test"))
    batches = [rows.batch(some) for some in rows.plain_order(7)]
    with torch.inference_mode():
        found = [network.loss(batch) for batch in batches if batch.position > 1]
    perplexity = math.exp(sum(float(loss) for loss, _ in found) / sum(count for _, count in found))
    assert perplexity == pytest.approx(slow_perplexity(network, folder, planned=False))


def test_every_system_that_trains_can_be_opened() -> None:
    assert set(SYSTEMS) == {*settings_of_systems(), "smt"}


@pytest.mark.parametrize("lines", [1, 3])
def test_looks_are_where_the_context_comes_from(folder: PoemFolder, network: PPG, lines: int) -> None:
    one = next(one for one in folder.poems("test") if one.poem.length == 7)
    *before, last = one.poem.lines[:lines]
    looks = look(network, one.keywords[0], before, last)
    assert looks.slots == ("keyword", *"/".join(before))
    assert looks.symbols == (*last, "</s>")
    weights = torch.tensor(looks.levels)  # (depth, L + 1, S)
    assert weights.shape == (3, 8, len(looks.slots))
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 8))
    mixture = (network.ham.level_weights().detach()[:, None, None].float() * weights).sum(0)
    torch.testing.assert_close(torch.tensor(looks.mixture), mixture)
    request = LineRequest(7, tuple(before), one.keywords[0])
    log_p, _ = network.advance(network.begin([request]), torch.tensor([network.characters.start(7)]))
    assert looks.chances[0] == pytest.approx(float(log_p[0, network.characters.encode(last)[0]].exp()))


def test_the_heaviest_slots_come_first(folder: PoemFolder, network: PPG) -> None:
    looks = look(network, "春风", ["春风明月来"], "青山流水去")
    assert looks.most([0.1, 0.0, 0.5, 0.0, 0.3, 0.1], 2) == [("风", 0.5), ("月", 0.3)]


def test_a_run_folder_is_needed(tmp_path: Path) -> None:
    from ham_mrc.errors import HamError
    from ham_mrc.quatrains import open_system

    with pytest.raises(HamError, match="is not a run folder"):
        open_system(tmp_path)
