"""The curve in a terminal, sign by sign, and as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from sweep_builders import made_runs

from ham_mrc.sweep.curve import HEIGHT, curve_text
from ham_mrc.sweep.grid import Grid
from ham_mrc.sweep.picture import save_curve
from ham_mrc.sweep.result import SweepResult, sweep_result
from ham_mrc.sweep.table import main_metrics


def found(*depth_1: float, deeper: float = 50.0) -> SweepResult:
    """A reader at depths 1 and 20, one question; a seed for each of `depth_1`, all of them `deeper` at depth 20."""
    seeds = tuple(range(len(depth_1)))
    scores = {("r", 1, seed): [value] for seed, value in zip(seeds, depth_1, strict=True)}
    deep = {("r", 20, seed): [deeper] for seed in seeds}
    return sweep_result(made_runs({**scores, **deep}), Grid(("r",), (1, 20), seeds))


def drawn(result: SweepResult) -> list[str]:
    return curve_text(result, "f1", main_metrics(result)["f1"]).splitlines()


def test_sign_by_sign() -> None:
    lines = drawn(found(39.0, 45.0))
    assert lines[0] == "F1 by depth"
    assert lines[1] == "  50.00 ┤            a"
    assert lines[HEIGHT] == "  39.00 ┤    │"
    # 42 is eight elevenths down from 50 to 39, 45 five elevenths: bars from line 6 to 12, the mean on line 9.
    assert [line[14 - 1] if len(line) > 13 else " " for line in lines[1 : HEIGHT + 1]] == list("     │││a│││")
    assert lines[-2:] == ["             1      20", "a r; │ from the lowest to the highest seed"]


@pytest.mark.parametrize("value", [0.0, 42.0, 100.0])
def test_equal_scores_are_no_hill(value: float) -> None:
    lines = drawn(found(value, value, deeper=value))
    (row,) = [line for line in lines if line.endswith("a       a")]
    assert float(row.split()[0]) == pytest.approx(value, abs=0.05)
    ends = [float(lines[place].split()[0]) for place in (1, HEIGHT)]
    assert ends[0] - ends[1] == pytest.approx(1.0)
    assert 0 <= ends[1] < ends[0] <= 100


def test_the_picture(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.svg", "b.svg", "c.png")]
    save_curve(found(39.0, 45.0), paths[0], paths[2])
    save_curve(found(39.0, 45.0), paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    svg = paths[0].read_text(encoding="utf-8")
    assert all(f">{text}<" in svg for text in ("depth", "1", "20", "F1 (dev)", "EM (dev)", "r"))
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == sorted(paths)
