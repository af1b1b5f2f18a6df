"""Children side by side: their order, their failures, their threads, and a wish to stop."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from ham_mrc.progress import silent
from ham_mrc.sweep.grid import Cell
from ham_mrc.sweep.jobs import Failure, Work, exit_code, last_words, run_jobs, threads_each

PROGRAM = [sys.executable, "-c"]

SAVES_WHEN_ASKED = """
import pathlib, signal, sys, time
def save(*_):
    pathlib.Path(r"{saved}").write_text("saved")
    sys.exit(130)
signal.signal(signal.SIGTERM, save)
pathlib.Path(r"{ready}").write_text("")
time.sleep(60)
"""


def work(folder: Path, seed: int, program: str) -> Work:
    return Work(Cell("r", 1, seed), [program], 2, folder / f"{seed}.jsonl", folder / f"{seed}.log")


def run_all(works: list[Work], jobs: int, stop: object = lambda: False) -> list[tuple[int, Failure | None]]:
    ended: list[tuple[int, Failure | None]] = []
    with silent("sweep") as bar:
        run_jobs(
            works,
            program=PROGRAM,
            jobs=jobs,
            threads=3,
            keep=(),
            stop=stop,  # type: ignore[arg-type]
            bar=bar,
            ended=lambda work, failure, seconds: ended.append((work.cell.seed, failure)),
        )
    return ended


@pytest.mark.parametrize("jobs", [1, 3])
def test_one_failure_does_not_end_the_others(tmp_path: Path, jobs: int) -> None:
    said = "import os, sys; print('threads', os.environ['OMP_NUM_THREADS'])"
    fails = "import sys; print('error: no such thing', file=sys.stderr); print('done'); sys.exit(2)"
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    works = [work(tmp_path, 1, fails), work(tmp_path, 2, said), work(tmp_path, 3, killed)]
    ended = run_all(works, jobs)
    assert sorted(ended, key=lambda one: one[0]) == [
        (1, Failure(Cell("r", 1, 1), 2, "no such thing")),
        (2, None),
        (3, Failure(Cell("r", 1, 3), -9, "killed by signal 9; out of memory?")),
    ]
    assert (tmp_path / "2.log").read_text() == "threads 3\n"
    if jobs == 1:
        assert [seed for seed, _ in ended] == [1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix matter")
def test_a_wish_to_stop_waits_until_all_have_saved(tmp_path: Path) -> None:
    works = []
    for seed in (1, 2, 3):
        program = SAVES_WHEN_ASKED.format(saved=tmp_path / f"saved-{seed}", ready=tmp_path / f"ready-{seed}")
        works.append(work(tmp_path, seed, program))
    with pytest.raises(KeyboardInterrupt):
        run_all(works, 2, lambda: all((tmp_path / f"ready-{seed}").exists() for seed in (1, 2)))
    # The third had not begun.
    assert sorted(path.name for path in tmp_path.glob("saved-*")) == ["saved-1", "saved-2"]


def test_threads_are_divided() -> None:
    assert threads_each(1, {}) is None
    assert threads_each(4, {"OMP_NUM_THREADS": "8"}) == 2
    assert threads_each(3, {"OMP_NUM_THREADS": "1"}) == 1


def test_the_code_of_the_whole() -> None:
    one = Cell("r", 1, 1)
    assert exit_code([Failure(one, 2, ""), Failure(one, -signal.SIGTERM, "")]) == 2
    assert exit_code([Failure(one, 2, ""), Failure(one, 70, "")]) == 70


def test_last_words(tmp_path: Path) -> None:
    said = tmp_path / "said.log"
    assert last_words(said, 3) == "ended with exit code 3 and no word"
    said.write_text("epoch 1\nValueError: what\n\n", encoding="utf-8")
    assert last_words(said, 1) == "ValueError: what"
