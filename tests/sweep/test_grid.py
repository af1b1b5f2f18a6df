"""The grid: its order, its parts, and what is none."""

from __future__ import annotations

import pytest

from ham_mrc.errors import HamError
from ham_mrc.sweep.grid import Cell, Grid, make_grid, numbers, seeds_from


def test_one_seed_of_everything_comes_before_the_next() -> None:
    grid = make_grid(["r-net", "bidaf"], [5, 1], [14, 13])
    assert grid == Grid(("r-net", "bidaf"), (1, 5), (13, 14))
    assert len(grid) == 8
    assert [(cell.reader, cell.depth, cell.seed) for cell in grid] == [
        ("r-net", 1, 13), ("r-net", 5, 13), ("bidaf", 1, 13), ("bidaf", 5, 13),
        ("r-net", 1, 14), ("r-net", 5, 14), ("bidaf", 1, 14), ("bidaf", 5, 14),
    ]  # fmt: skip
    assert grid.baseline == 1


def test_every_run_has_a_folder_of_its_own() -> None:
    assert Cell("r-net", 5, 13).folder.as_posix() == "r-net/depth-5/seed-13"
    assert Cell("r-net", 5, 13).log.as_posix() == "r-net/depth-5/seed-13.log"


def test_a_grid_that_grew_holds_the_old_one() -> None:
    small, large = Grid(("bidaf",), (1, 5), (13,)), Grid(("bidaf", "r-net"), (1, 2, 5), (13, 14))
    assert large.holds(small)
    assert not small.holds(large)
    assert not Grid(("bidaf",), (1, 2), (13, 14)).holds(small)


def test_seeds_are_counted_or_named() -> None:
    assert seeds_from(3, 13) == [13, 14, 15]
    assert seeds_from([7, 1], 13) == [7, 1]


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        (([], [1], [13]), "readers: is empty; name at least one"),
        ((["bidaf"], [1, 1], [13]), "depths: 1 stands there twice; name each once"),
        ((["bidaf"], [0, 1], [13]), "depths: 0 is no depth; 1 or more; 1 is ordinary attention"),
        ((["bidaf"], [1], [2**32]), "seeds: a seed is out of range; 0 to 4294967295"),
    ],
)
def test_no_grid(sides: tuple[list[str], list[int], list[int]], message: str) -> None:
    with pytest.raises(HamError) as fault:
        make_grid(*sides)
    assert str(fault.value) == message


@pytest.mark.parametrize(("text", "what"), [("1,two", "'two' is not a whole number"), (" , ", "names no number")])
def test_no_numbers(text: str, what: str) -> None:
    with pytest.raises(HamError) as fault:
        numbers(text, "--depths")
    assert str(fault.value) == f"--depths: {what}; write --depths 1,2,5"
    assert numbers(" 1, 20 ", "--depths") == [1, 20]
