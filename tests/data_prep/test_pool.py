"""Work in order, in flat memory, and its bad ends: errors, dead workers, Ctrl-C, a parent that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pool_work
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.pool import in_order, open_pool
from ham_mrc.errors import HamError

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix matter")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_tasks_though_early_ones_are_slow(workers: int) -> None:
    with open_pool(workers) as pool:
        assert list(pool.map(pool_work.triple, range(23), shared=3)) == [3 * task for task in range(23)]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_tasks(workers: int) -> None:
    with open_pool(workers) as pool:
        assert list(pool.map(pool_work.triple, [], shared=3)) == []


def test_one_worker_is_this_process_and_more_are_others() -> None:
    with open_pool(1) as pool:
        assert set(pool.map(pool_work.process_id, range(4), shared=None)) == {os.getpid()}
    with open_pool(2) as pool:
        seen = set(pool.map(pool_work.process_id, range(20), shared=None))
        assert len(seen) == 2
        assert os.getpid() not in seen
        assert set(pool.map(pool_work.process_id, range(20), shared=None)) == seen, "processes serve the next map too"
    with pytest.raises(ProcessLookupError):
        os.kill(seen.pop(), 0)


def test_no_more_processes_than_tasks() -> None:
    with open_pool(64) as pool:
        list(pool.map(pool_work.process_id, range(2), shared=None))
        assert len(multiprocessing.active_children()) == 2
        list(pool.map(pool_work.process_id, range(3), shared=None))
        assert len(multiprocessing.active_children()) == 3
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_are_taken_only_a_little_ahead(workers: int) -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for task in range(60):
            taken += 1
            yield task

    with open_pool(workers) as pool:
        for given_back, _ in enumerate(pool.map(pool_work.triple, tasks(), shared=1)):
            assert taken - given_back <= 2 * workers
    assert taken == 60


def test_shared_is_sent_once_to_each_worker_and_anew_for_each_map() -> None:
    with open_pool(2) as pool:
        assert set(pool.map(pool_work.unpickled, range(30), shared=pool_work.Counted())) == {1}
        assert set(pool.map(pool_work.unpickled, range(30), shared=pool_work.Counted())) == {2}
        assert list(pool.map(pool_work.triple, range(3), shared=7)) == [0, 7, 14]


def test_megabytes_both_ways_never_lock() -> None:
    tasks = [bytes([number]) * 3_000_000 for number in range(12)]
    with open_pool(2) as pool:
        for task, result in zip(tasks, pool.map(pool_work.size, iter(tasks), shared=b"x" * 1_000_000), strict=True):
            assert result == b"x" * 1_000_000 + task


@given(st.integers(0, 20), st.integers(1, 6))
def test_in_order_is_map_with_a_window(count: int, window: int) -> None:
    submitted: list[int] = []
    for number, result in enumerate(in_order(range(count), window, lambda task: submitted.append(task) or task, str)):
        assert result == str(number)
        assert submitted == list(range(min(count, number + window)))
    assert submitted == list(range(count))


def outcome(workers: int, how: str) -> tuple[list[int], Exception]:
    """The results until the error, and the error."""
    results: list[int] = []
    with pytest.raises(Exception) as caught, open_pool(workers) as pool:  # noqa: PT011, PT012
        for result in pool.map(pool_work.fail, range(30), shared=how):
            results.append(result)
    return results, caught.value


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_an_error_for_the_user_is_the_same_from_everywhere(workers: int) -> None:
    results, error = outcome(workers, "ham")
    assert results == [0, 1, 2]
    assert isinstance(error, HamError)
    assert str(error) == "a.json, line 7: is not JSON; mend it"
    assert (error.file, error.place, error.what, error.remedy) == ("a.json", "line 7", "is not JSON", "mend it")


def test_any_other_error_brings_its_traceback() -> None:
    results, error = outcome(2, "value")
    assert results == [0, 1, 2]
    assert type(error) is ValueError
    assert 'raise ValueError("of no use")' in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ("unportable", RuntimeError, "Unportable: 1 and 2"),
        ("result", AttributeError, "Can't pickle local object"),
        ("memory", HamError, "a worker process ran out of memory; try again with fewer --workers"),
    ],
)
def test_errors_that_cannot_travel_as_they_are(how: str, kind: type[Exception], text: str) -> None:
    results, error = outcome(2, how)
    assert results == [0, 1, 2]
    assert isinstance(error, kind)
    assert text in str(error)


@unix
@pytest.mark.parametrize(("how", "said"), [("kill", "signal 9: Killed"), ("exit", "exit code 5")])
def test_a_worker_that_dies(how: str, said: str) -> None:
    _, error = outcome(2, how)
    assert str(error) == (
        f"a worker process ended unexpectedly ({said}); if it was short of memory, try again with fewer --workers"
    )


@unix
def test_a_worker_that_dies_while_it_sends() -> None:
    with pytest.raises(HamError, match="ended unexpectedly"), open_pool(2) as pool:  # noqa: PT012
        for _ in pool.map(pool_work.die_while_sending, range(3), shared=None):
            time.sleep(0.6)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_tasks_comes_after_the_results_before_it(workers: int) -> None:
    def tasks(good: int) -> Iterator[int]:
        yield from range(good)
        raise HamError("cut off")

    for good in (0, 1, 9):
        results = []
        with pytest.raises(HamError, match="cut off"), open_pool(workers) as pool:  # noqa: PT012
            for result in pool.map(pool_work.triple, tasks(good), shared=1):
                results.append(result)
        assert results == list(range(good))


@pytest.mark.parametrize("workers", [1, 2])
def test_after_an_error_the_pool_is_as_new(workers: int) -> None:
    with open_pool(workers) as pool:
        for _ in range(2):
            with pytest.raises(HamError, match="mend it"):
                list(pool.map(pool_work.fail, range(9), shared="ham"))
            assert list(pool.map(pool_work.triple, range(9), shared=2)) == list(range(0, 18, 2))


@unix
@pytest.mark.parametrize("function", [pool_work.nap, pool_work.hold])
def test_leaving_early_leaves_no_process(tmp_path: Path, function: Callable[[str, int], int]) -> None:
    def tasks() -> Iterator[int]:
        yield from range(2)
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.02)
        yield 2
        raise_soon.append(time.monotonic())
        raise KeyboardInterrupt

    raise_soon: list[float] = []
    with pytest.raises(KeyboardInterrupt), open_pool(2) as pool:
        list(pool.map(function, tasks(), shared=str(tmp_path)))
    assert time.monotonic() - raise_soon[0] < 3
    assert_gone(tmp_path, 2)


def runs(process_id: str) -> bool:
    """Whether the process lives; one that has ended and waits to be noticed by the system's first process does not."""
    try:
        return Path("/proc", process_id, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_gone(folder: Path, count: int) -> None:
    """All `count` processes that left a file in `folder` have ended, within a second."""
    names = sorted(item.name for item in folder.iterdir())
    assert len(names) == count
    deadline = time.monotonic() + 1
    while any(map(runs, names)):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("number", "send", "said"),
    [
        (signal.SIGINT, os.kill, "interrupted\n"),
        (signal.SIGINT, os.killpg, "interrupted\n"),  # as a terminal does for Ctrl-C: each process gets the signal
        (signal.SIGKILL, os.kill, ""),
    ],
)
@pytest.mark.parametrize("when", ["at work", "at their start"])
def test_interrupted_or_killed_no_orphan_stays(
    tmp_path: Path, number: signal.Signals, send: Callable[[int, int], None], said: str, when: str
) -> None:
    command = [sys.executable, pool_work.__file__, "3", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        ready = len(list(tmp_path.iterdir())) if when == "at work" else 0
        while ready < 3:
            assert process.poll() is None
            time.sleep(0.002)
            found = children(process.pid)
            ready = len(list(tmp_path.iterdir())) if when == "at work" else len(found) - 1
        start = time.monotonic()
        send(process.pid, number)
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - start < 5
    assert out == said
    if number == signal.SIGINT:  # a start that loses its parent may complain; one that is interrupted must not
        assert err == ""
    deadline = time.monotonic() + 2
    while any(map(runs, found)):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.02)


def children(process_id: int) -> list[str]:
    """The processes that it started: Python's resource tracker, and workers."""
    return Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()


def test_zero_workers() -> None:
    with pytest.raises(HamError) as caught, open_pool(0):
        pass
    assert str(caught.value) == "0 workers cannot work; give 1 or more"
