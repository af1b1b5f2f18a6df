"""RNNPG against its equations in plain loops over one poem, and its search state against its training pass."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from poem_books import CHARACTERS, READINGS

from ham_mrc.data_prep.poem_vocab import END
from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers.class_softmax import ClassSoftmax, frequency_classes
from ham_mrc.quatrains.batch import PoemLines
from ham_mrc.quatrains.beam import search
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.quatrains.rnnpg import RNNPG

Array = NDArray[np.float64]
WIDTH = 6
POEMS = {
    5: (
        ("东木山竹关", "梦目送间同", "风中木竹目", "关山间东同"),
        ("木东竹山目", "同风梦中间", "目送关东木", "山山木间风"),
    ),
    7: (("东木山竹关梦目", "送间同风中木竹", "目关山间东同卜", "丫东木山竹关梦"),),
}


def network(**settings: object) -> RNNPG:
    torch.manual_seed(5)
    made = RNNPG(CHARACTERS, width=WIDTH, **settings)  # type: ignore[arg-type]
    return made.double()


def batch(length: int) -> PoemLines:
    return PoemLines(torch.tensor([[CHARACTERS.encode(line) for line in poem] for poem in POEMS[length]]), length)


def sigma(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def values(parameter: torch.Tensor) -> Array:
    return np.asarray(parameter.detach().numpy())


def slow_vector(model: RNNPG, line: str) -> Array:
    """v of one line: each column from as many neighbours as the kernel is wide, feature by feature."""
    columns = [values(model.embedding.weight)[symbol] for symbol in CHARACTERS.encode(line)]
    shape = [len(columns)]
    for kernel, size in zip(model.kernels, {5: (2, 2, 3), 7: (2, 2, 3, 3)}[len(line)], strict=False):
        weights = values(kernel)
        assert weights.shape == (size, WIDTH)
        columns = [
            np.array(
                [1 / (1 + math.exp(-sum(columns[j + n][d] * weights[n][d] for n in range(size)))) for d in range(WIDTH)]
            )
            for j in range(len(columns) - size + 1)
        ]
        shape.append(len(columns))
    assert shape == {5: [5, 4, 3, 1], 7: [7, 6, 5, 3, 1]}[len(line)]
    return columns[0]


def slow_log_p(model: RNNPG, poem: tuple[str, ...]) -> list[list[Array]]:
    """By line from the second and symbol the log P of everything that could stand there."""
    length = len(poem[0])
    places = values(model.places[str(length)].weight).reshape(length + 1, WIDTH, WIDTH)  # type: ignore[arg-type]
    context, state, found = np.full(WIDTH, 0.01), np.full(WIDTH, 0.1), []
    for above, line in pairwise(poem):
        context = sigma(values(model.context.weight) @ np.concatenate([context, slow_vector(model, above)]))
        given, rows = [CHARACTERS.start(length), *CHARACTERS.encode(line)], []
        for j, symbol in enumerate(given):
            constraint = values(model.constrained.weight) @ sigma(places[j] @ context)
            state = sigma(values(model.recurrent.weight) @ state + values(model.given.weight)[symbol] + constraint)
            scores = values(model.output.weight) @ state
            rows.append(scores - np.log(np.exp(scores).sum()))
        found.append(rows)
    return found


@pytest.mark.parametrize("length", [5, 7])
def test_the_equations_one_by_one(length: int) -> None:
    model = network()
    log_p = model(batch(length))
    assert log_p.shape == (len(POEMS[length]), 3, length + 1, len(CHARACTERS))
    for row, poem in enumerate(POEMS[length]):
        np.testing.assert_allclose(values(log_p[row]), np.array(slow_log_p(model, poem)), atol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"classes": 4}])
def test_the_loss_is_that_of_lines_two_to_four_and_their_ends(settings: dict[str, int]) -> None:
    model = network(**settings)
    poems = batch(5)
    log_p = model(poems)
    by_hand = sum(
        -log_p[row, i, place, symbol].item()
        for row, poem in enumerate(POEMS[5])
        for i, line in enumerate(poem[1:])
        for place, symbol in enumerate([*CHARACTERS.encode(line), END])
    )
    loss, count = model.loss(poems)
    assert loss.item() == pytest.approx(by_hand)
    assert count == 2 * 3 * 6


@pytest.mark.parametrize("length", [5, 7])
def test_writing_goes_the_way_of_training(length: int) -> None:
    model = network()
    log_p = model(batch(length))
    for before in (1, 2, 3):
        state = model.begin([LineRequest(length, poem[:before]) for poem in POEMS[length]])
        state = state.pick(torch.arange(len(POEMS[length])))
        lines = batch(length).lines[:, before]
        given = torch.cat([torch.full_like(lines[:, :1], CHARACTERS.start(length)), lines], 1)
        for place, symbols in enumerate(given.unbind(1)):
            step, state = model.advance(state, symbols)
            torch.testing.assert_close(step, log_p[:, before - 1, place], atol=1e-6, rtol=1e-6)


def test_items_are_picked_with_their_own_past() -> None:
    model = network()
    requests = [LineRequest(5, poem[:2]) for poem in POEMS[5]]
    state = model.begin(requests)
    start = CHARACTERS.start(5)
    first, _ = model.advance(state, torch.tensor([start, start]))
    swapped, _ = model.advance(state.pick(torch.tensor([1, 0, 1])), torch.tensor([start] * 3))
    torch.testing.assert_close(swapped, first[[1, 0, 1]])


def test_a_first_line_is_only_read() -> None:
    with pytest.raises(HamError, match=r"RNNPG writes no first line, it goes on from one; give one with --first-line"):
        network().begin([LineRequest(5)])


def test_without_context_gradient_a_line_learns_nothing_from_those_after_the_next() -> None:
    for through, reaches in ((True, True), (False, False)):
        model = network(context_gradient=through)
        lines = batch(5).lines[:1, :3]
        model.read(lines)[:, 2].sum().backward()
        assert model.embedding.weight.grad is not None
        only_first = CHARACTERS.encode("东")[0]  # stands in the first line alone
        assert bool(model.embedding.weight.grad[only_first].abs().sum() > 0) is reaches


def test_without_context_gradient_no_error_goes_back_to_the_line_before() -> None:
    """Through r neither, which runs on from line to line: X is read by the generator alone."""
    for through, reaches in ((True, True), (False, False)):
        model = network(context_gradient=through)
        one = batch(5)
        model(one)[:, 2, 1].sum().backward()  # what stands in the fourth line
        found = model.given.weight.grad
        assert found is not None
        earlier = set(one.lines[:, 1:3].flatten().tolist()) - set(one.lines[:, 3].flatten().tolist())
        assert earlier
        assert bool(found[sorted(earlier)].abs().sum() > 0) is reaches


def test_classes_rank_the_end_of_a_line_first_and_what_no_line_has_last() -> None:
    classes = network(classes=4).classes
    assert classes is not None
    members = classes.members.tolist()
    assert members[END] == min(members)
    assert {members[one] for one in range(END)} == {max(members)}
    assert members[END + 1 :] == sorted(members[END + 1 :])


def test_every_parameter_learns() -> None:
    model = network(classes=4)
    (model.loss(batch(5))[0] + model.loss(batch(7))[0]).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_kernels_start_as_wide_as_they_are_told() -> None:
    widest = max(kernel.abs().max().item() for kernel in RNNPG(CHARACTERS, width=200).kernels)
    assert 9.5 < widest <= 10


def test_poems_are_learned_by_heart_and_written_again() -> None:
    torch.manual_seed(0)
    model = RNNPG(CHARACTERS, width=32)
    adam = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(300):
        adam.zero_grad()
        loss, count = model.loss(batch(5))
        (loss / count).backward()  # type: ignore[no-untyped-call]
        adam.step()
    assert loss.item() / count < 0.01
    for poem in POEMS[5]:
        for before in (1, 2, 3):
            assert search(model, [LineRequest(5, poem[:before])], width=4, n=1)[0][0].line == poem[before]


def test_class_chances_are_chances_and_those_of_the_slow_loop() -> None:
    torch.manual_seed(1)
    softmax = ClassSoftmax([3, 0, 6, 1, 5, 2, 4], WIDTH, 3).double()
    read, scores = torch.randn(2, WIDTH, dtype=torch.double), torch.randn(2, 7, dtype=torch.double)
    found = softmax(read, scores).exp().detach()
    torch.testing.assert_close(found.sum(-1), torch.ones(2, dtype=torch.double))
    members = softmax.members.tolist()
    for row in range(2):
        classes = (softmax.output.weight.detach() @ read[row]).exp()
        for symbol in range(7):
            own = [one for one in range(7) if members[one] == members[symbol]]
            within = scores[row, symbol].exp() / sum(scores[row, one].exp() for one in own)
            assert found[row, symbol].item() == pytest.approx(
                float(within * classes[members[symbol]] / classes.sum()), rel=1e-9
            )


def test_classes_by_hand() -> None:
    # Frequencies 1, 1/2, 1/3, 1/4 of 25/12: shares .48, .72, .88, 1; of two classes each has half of all text.
    assert frequency_classes(4, 2).tolist() == [0, 0, 1, 1]
    found = frequency_classes(6000, 82)
    assert found.tolist() == sorted(found.tolist())
    assert sorted(set(found.tolist())) == list(range(82))
    assert (found == 81).sum() > 50


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ShapeError, match=r"classes = 1 for \d+ symbols; set 0 for none, or 2 and more"):
        RNNPG(CHARACTERS, classes=1)
    with pytest.raises(ShapeError, match=rf"vectors of shape \(3, 200\) for a table of \({len(READINGS) + 8}, 200\)"):
        RNNPG(CHARACTERS).set_vectors(torch.zeros(3, 200))
