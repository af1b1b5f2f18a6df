"""The folder of a sweep: what it records, what it refuses, and what a plan says of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from sweep_builders import tiny_sweep
from tiny_runs import prepare_rivers

from ham_mrc.config import Config
from ham_mrc.errors import HamError
from ham_mrc.sweep.folder import Sweep, earlier_grids, settle, state
from ham_mrc.sweep.grid import Cell, Grid
from ham_mrc.sweep.plan import make_plan, plan_table
from ham_mrc.sweep.run import works_left
from ham_mrc.sweep.timing import Speed, Timer
from ham_mrc.training.loop import train

GRID = Grid(("match-lstm",), (1, 2), (13,))
FIRST = Cell("match-lstm", 1, 13)


@pytest.fixture
def begun(tmp_path: Path, river_data: Path) -> Callable[..., Sweep]:
    """A function (grid=GRID, **sections) -> the sweep of one folder, whose first call settles it."""

    def make(grid: Grid = GRID, **sections: dict[str, object]) -> Sweep:
        return tiny_sweep(river_data, tmp_path / "out", grid, **sections)

    settle(make(), force=False)
    return make


def refused(sweep: Sweep, force: bool = False) -> str:
    with pytest.raises(HamError) as fault:
        settle(sweep, force=force)
    return str(fault.value).removeprefix(f"{sweep.out}: ")


def test_other_settings_are_refused(begun: Callable[..., Sweep]) -> None:
    settle(begun(), force=False)
    assert refused(begun(training={"epochs": 3})) == (
        "is a sweep with other settings of match-lstm (training.epochs = 2 there, 3 asked for); "
        "choose another --out, or add --force to begin anew"
    )


def test_a_grid_may_grow_and_says_so_but_no_run_falls_out(begun: Callable[..., Sweep]) -> None:
    assert refused(begun(Grid(("match-lstm",), (1,), (13, 14)))) == (
        "is a sweep of a grid that this one does not hold (readers match-lstm; depths 1, 2; seeds 13); "
        "ask for a grid that holds it, or choose another --out"
    )
    larger = begun(Grid(("match-lstm",), (1, 2), (13, 14)))
    settle(larger, force=False)
    assert earlier_grids(larger.out) == ["readers match-lstm; depths 1, 2; seeds 13"]
    settle(larger, force=False)
    assert len(earlier_grids(larger.out)) == 1


def test_other_data_are_refused(begun: Callable[..., Sweep], tmp_path: Path) -> None:
    other = prepare_rivers(tmp_path / "other", seed=99)
    assert refused(tiny_sweep(other, tmp_path / "out", GRID)) == (
        "is a sweep on other prepared data; choose another --out"
    )


def test_strange_files_are_refused(tmp_path: Path, river_data: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    sweep = tiny_sweep(river_data, tmp_path / "out", GRID)
    message = "holds files that are no sweep's (thesis.tex); choose another folder, or empty this one"
    assert refused(sweep) == refused(sweep, force=True) == message
    assert [path.name for path in sweep.out.iterdir()] == ["thesis.tex"]


def test_a_run_of_other_settings_in_its_place(begun: Callable[..., Sweep], river_data: Path) -> None:
    sweep = begun()
    other = tiny_sweep(river_data, sweep.out, GRID, training={"epochs": 1})
    train(river_data, sweep.run(FIRST), other.configs[FIRST])
    with pytest.raises(HamError) as fault:
        state(sweep, FIRST)
    assert str(fault.value) == (
        f"{sweep.run(FIRST)}: holds a run with other settings (training.epochs = 1 there, 2 asked for); "
        "choose another --out"
    )


def test_what_is_left_and_how_it_is_begun(begun: Callable[..., Sweep], river_data: Path) -> None:
    sweep = begun(training={"epochs": 2}, embeddings={"width": 8})
    assert [work.cell.depth for work in works_left(sweep)] == [1, 2]
    first, second = works_left(sweep)
    assert shlex.join(first.words) == (
        f"train {river_data} --out {sweep.run(FIRST)} --reader match-lstm --depth 1 --seed 13 "
        "--set training.epochs=2 --set embeddings.width=8"
    )
    train(river_data, sweep.run(FIRST), sweep.configs[FIRST])
    assert state(sweep, FIRST) == "finished"
    assert [work.cell for work in works_left(sweep)] == [second.cell]
    (sweep.run(FIRST) / "scores.json").unlink()
    assert state(sweep, FIRST) == "stopped"
    assert works_left(sweep)[0].words == ["train", str(river_data), "--resume", str(sweep.run(FIRST))]
    settle(sweep, force=True)
    assert state(sweep, FIRST) == "new"


def test_a_plan_runs_nothing(tmp_path: Path, river_data: Path) -> None:
    sweep = tiny_sweep(river_data, tmp_path / "out", Grid(("match-lstm",), (1, 2), (13, 14, 15)))
    timed: list[int] = []

    def measure(config: Config) -> Speed:
        depth = config.reader_settings["depth"]
        timed.append(depth)
        return Speed(epoch=60.0 * depth, scoring=10.0, predicting=20.0)

    plan = make_plan(sweep, measure, jobs=2)
    assert timed == [1, 2]
    assert not sweep.out.exists()
    # Two epochs: 2 x 70 + 20 and 2 x 130 + 20 seconds a run, three seeds each, two at a time.
    assert [row.run_seconds for row in plan.rows] == [160.0, 280.0]
    assert plan.seconds == 3 * (160 + 280) / 2
    table = plan_table(plan)
    assert [cell.text for cell in table.rows[1]] == ["match-lstm", "2", "3", "0", "0", "2m10s", "2", "4m40s", "14m00s"]
    assert table.notes[0] == "6 of 6 runs are left: at most about 11m00s, 2 side by side."


def test_limits_of_time_are_in_the_estimate() -> None:
    assert Speed(60.0, 10.0, 20.0).run(epochs=5, max_minutes=2.0) == 120 + 50 + 20


def test_real_work_is_timed(river_data: Path, tmp_path: Path) -> None:
    sweep = tiny_sweep(river_data, tmp_path / "out", GRID)
    speed = Timer(river_data, threads=1, seconds=0.01).measure(sweep.configs[FIRST])
    assert 0 < speed.epoch < 60
    assert speed.scoring > speed.predicting > 0  # choice and dev after every epoch, dev at the end
