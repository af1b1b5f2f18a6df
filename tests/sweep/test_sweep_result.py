"""The table of the paper from made-up runs: every figure by hand, or from `compare` on the same results."""

from __future__ import annotations

from typing import Any

import pytest
from sweep_builders import level, made_run, made_runs

from ham_mrc.errors import HamError
from ham_mrc.eval.compare import compare
from ham_mrc.files import to_json
from ham_mrc.sweep.grid import Cell, Grid
from ham_mrc.sweep.levels import sweep_levels
from ham_mrc.sweep.result import SweepResult, result_json, sweep_result
from ham_mrc.sweep.table import sweep_tables, verdicts
from ham_mrc.tables import to_latex, to_markdown

GRID = Grid(("a", "b"), (1, 2, 5), (13, 14))
POOR, FAIR, GOOD = [100, 0, 0, 0, 0, 0, 0, 0, 0, 0], [100, 0, 0, 0, 0, 0, 0, 0, 0, 50], [100] * 10
SCORES: dict[tuple[str, int, int], list[float]] = {
    ("a", 1, 13): POOR, ("a", 1, 14): FAIR,
    ("a", 2, 13): FAIR, ("a", 2, 14): POOR,
    ("a", 5, 13): GOOD, ("a", 5, 14): GOOD,
    ("b", 1, 13): GOOD, ("b", 1, 14): FAIR,
    ("b", 2, 13): FAIR, ("b", 2, 14): FAIR,
    ("b", 5, 13): GOOD, ("b", 5, 14): FAIR,
}  # fmt: skip


def found(**changes: Any) -> SweepResult:
    return sweep_result(made_runs(SCORES), GRID, **changes)


def row_of(result: SweepResult, reader: str, depth: int) -> Any:
    return next(row for row in result.rows if (row.reader, row.depth) == (reader, depth))


def test_means_spreads_and_differences_by_hand() -> None:
    result = found()
    assert [(row.reader, row.depth) for row in result.rows] == [(r, d) for r in "ab" for d in (1, 2, 5)]
    base, five = row_of(result, "a", 1), row_of(result, "a", 5)
    # F1 10 and 15: mean 12.5, and 2.5 * sqrt(2) from the mean with one degree of freedom.
    assert base.metrics == {"exact_match": 10.0, "f1": 12.5}
    assert base.spreads["f1"] == pytest.approx(2.5 * 2**0.5)
    assert base.differences == {}
    assert five.metrics["f1"] == 100.0
    assert five.differences["f1"].value == 87.5
    assert five.by_seed["f1"] == {13: 90.0, 14: 85.0}
    assert row_of(result, "b", 2).by_seed["f1"] == {13: -85.0, 14: 0.0}
    assert base.by_seed == {}


def test_p_over_seeds_is_that_of_compare() -> None:
    """+90 and +85: of four signs two are as far out; -85 and 0: both signs of the only seed that differs are."""
    result = found()
    assert row_of(result, "a", 5).differences["f1"].p_over_seeds == 0.5
    assert row_of(result, "b", 2).differences["f1"].p_over_seeds == 1.0
    alone = sweep_result({cell: run for cell, run in made_runs(SCORES).items() if cell.seed == 13}, GRID)
    assert row_of(alone, "a", 5).differences["f1"].p_over_seeds is None


def test_p_values_are_those_of_compare_and_holm_takes_the_whole_table() -> None:
    result, runs = found(), made_runs(SCORES)
    alone = {
        reader: compare([runs[Cell(reader, depth, seed)] for depth in GRID.depths for seed in GRID.seeds],
                        correction=False)
        for reader in "ab"
    }  # fmt: skip
    raw = {(reader, row.depth): row.differences["f1"].p for reader in "ab" for row in alone[reader].rows[1:]}
    # Depth 5 of a: nine questions gain, 2 of 512 sign patterns are as uneven. Depth 2 of a: the seeds swap, no
    # question differs. b, depth 2: nine questions lose. b, depth 5: as depth 1.
    assert raw == {("a", 2): 1.0, ("a", 5): 2 / 512, ("b", 2): 2 / 512, ("b", 5): 1.0}
    corrected = {(row.reader, row.depth): row.differences["f1"].p_corrected for row in result.rows if row.differences}
    # Four tests: the smallest times 4, the next is no smaller, the last two stay at 1.
    assert corrected == {("a", 2): 1.0, ("a", 5): 8 / 512, ("b", 2): 8 / 512, ("b", 5): 1.0}
    assert result.tests == 4
    assert [row.differences["f1"].significant for row in result.rows if row.differences] == [False, True, True, False]


def test_what_is_said_of_it() -> None:
    assert verdicts(found()) == [
        "a, EM, depths against depth 1: better: 5; not told apart: 2.",
        "a, F1, depths against depth 1: better: 5; not told apart: 2.",
        "b, EM, depths against depth 1: worse: 2; not told apart: 5.",
        "b, F1, depths against depth 1: worse: 2; not told apart: 5.",
    ]


def test_the_table() -> None:
    result = found()
    logged = {cell: {"match": [level(None), *[level(0.0)] * (cell.depth - 1)]} for cell in result.runs}
    seeds, levels, main = sweep_tables(result, sweep_levels(logged), ["one note more"])
    assert [column.header for column in main.columns] == [
        "reader", "depth", "seeds", "EM", "EM to depth 1", "EM p", "F1", "F1 to depth 1", "F1 p",
    ]  # fmt: skip
    assert [cell.text for cell in main.rows[0]] == ["a", "1", "2", "10.00 ± 0.00", "", "", "12.50 ± 3.54", "", ""]
    five = main.rows[2]
    assert five[6].text == "100.00 ± 0.00"
    assert (five[6].best, five[6].mark) == (True, "1")
    assert five[7].text.startswith("+87.50 (")
    assert five[8].text == "0.0156"
    assert [row[6].best for row in main.rows] == [False, False, True, False, False, False]
    assert main.notes[-1] == "one note more"
    assert [cell.text for cell in seeds.rows[1]] == ["a", "2", "F1", "+5.00", "-5.00", "1 of 2", "1.0000"]
    assert [cell.text for cell in levels.rows[0]][:6] == ["a", "match", "1", "", "", ""]
    assert [cell.text for cell in levels.rows[2]][:5] == ["a", "match", "5", "1 to 5", "0.80"]
    assert "87.50" in to_markdown(main)
    assert r"$\pm$" in to_latex(main)
    to_json(result_json(result))


def test_published_rows_stand_apart() -> None:
    main = sweep_tables(found(paper=True), [])[-1]
    assert [cell.text for cell in main.rows[6]] == [
        "match-lstm, published", "none", "", "54.29", "", "", "66.87", "", "",
    ]  # fmt: skip
    assert len(main.rows) == 6 + 5


def test_a_run_that_is_missing_is_named() -> None:
    scores = {key: f1 for key, f1 in SCORES.items() if key not in (("a", 5, 14), ("b", 1, 13), ("b", 1, 14))}
    result = sweep_result(made_runs(scores), GRID)
    assert result.missing == [Cell("b", 1, 13), Cell("a", 5, 14), Cell("b", 1, 14)]
    assert row_of(result, "a", 5).by_seed["f1"] == {13: 90.0}
    assert row_of(result, "a", 5).spreads == {}
    # Without depth 1 there is nothing to hold the others of b against.
    assert row_of(result, "b", 5).differences == row_of(result, "b", 5).by_seed["f1"] == {}
    notes = sweep_tables(result, [])[-1].notes
    assert (
        "NOT COMPLETE, 3 of 12 runs are missing: b, depth 1, seed 13; a, depth 5, seed 14; b, depth 1, seed 14."
        in notes
    )


def test_one_run_alone() -> None:
    grid = Grid(("a",), (3,), (13,))
    result = sweep_result(made_runs({("a", 3, 13): POOR}), grid)
    (table,) = sweep_tables(result, [])
    assert [cell.text for cell in table.rows[0]] == ["a", "3", "1", "10.00", "", "", "10.00", "", ""]
    assert verdicts(result) == []


def test_runs_on_other_questions_are_refused() -> None:
    runs = made_runs(SCORES)
    cell = Cell("b", 5, 14)
    runs[cell] = made_run(cell, FAIR, references_sha256="cd" * 32)
    with pytest.raises(HamError, match="was scored on other references"):
        sweep_result(runs, GRID)
