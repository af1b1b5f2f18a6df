"""What the levels do, by hand: which agree, what they weigh, and the sentence that says so."""

from __future__ import annotations

import pytest
from sweep_builders import level

from ham_mrc.sweep.grid import Cell
from ham_mrc.sweep.levels import sentence, sweep_levels

WEIGHTS = (0.4, 0.3, 0.2, 0.1)


def sites(*changes: float, entropy: float = 0.5) -> dict[str, list[dict[str, float]]]:
    moved = [None, *changes]
    return {"match": [level(c, w, entropy) for c, w in zip(moved, WEIGHTS, strict=True)]}


def test_levels_agree_where_no_seed_moves() -> None:
    (found,) = sweep_levels({Cell("r", 4, 1): sites(0.3, 1e-4, 1e-5), Cell("r", 4, 2): sites(0.2, 1e-3, 0.0)})
    assert (found.seeds, found.changes) == (2, (None, 0.3, 1e-3, 1e-5))
    assert found.alike_from == 2
    assert found.alike_weight == pytest.approx(0.3)
    assert sentence(found) == (
        "r, match, depth 4: levels 2 to 4 agree to 0.001 in every seed: 2 of 4 levels only repeat, "
        "and hold 30 % of the weight."
    )


def test_one_seed_that_still_moves_is_enough() -> None:
    (found,) = sweep_levels({Cell("r", 4, 1): sites(0.3, 1e-4, 1e-5), Cell("r", 4, 2): sites(0.2, 1e-4, 0.023)})
    assert found.alike_from is None
    assert sentence(found) == (
        "r, match, depth 4: level 3 repeats what stands before; the last level moves the output by 2.3 % of its length."
    )
    (moving,) = sweep_levels({Cell("r", 4, 1): sites(0.3, 0.2, 0.1)})
    assert sentence(moving) == "r, match, depth 4: every level moves the output, the last one by 10 % of its length."


def test_even_attention_is_said() -> None:
    (found,) = sweep_levels({Cell("r", 4, 1): sites(0.0, 0.0, 0.0, entropy=1.0)})
    assert found.alike_from == 1
    assert sentence(found) == (
        "r, match, depth 4: levels 1 to 4 agree to 0.001 in every seed: 3 of 4 levels only repeat, and hold 60 % of "
        "the weight; attention is even over all keys at levels 1 to 4."
    )


def test_ordinary_attention() -> None:
    (found,) = sweep_levels({Cell("r", 1, 1): {"match": [level(None)]}})
    assert sentence(found) == "r, match, depth 1: one level, ordinary attention."
