"""The pool on a cluster: two real worker processes on this machine, and every way in which a cluster fails."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pool_work
import pytest

import ham_mrc
from ham_mrc.data_prep import dask_pool
from ham_mrc.data_prep.pool import open_pool
from ham_mrc.errors import HamError, MissingExtra

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes of one thread each, which can import what stands beside this file."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
    try:
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster:
            yield cluster
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


@pytest.fixture
def executor(cluster: Any) -> str:
    return str(cluster.scheduler_address).replace("tcp://", "dask://")


def test_results_come_in_order_from_both_processes(executor: str) -> None:
    with open_pool(1, executor) as pool:
        assert list(pool.map(pool_work.triple, range(23), shared=3)) == [3 * task for task in range(23)]
        seen = set(pool.map(pool_work.process_id, range(20), shared=None))
    assert len(seen) == 2
    assert os.getpid() not in seen


def test_the_same_bytes_as_from_processes_here(executor: str) -> None:
    tasks = [bytes([number]) * 1_000_000 for number in range(8)]
    results = []
    for workers, where in ((1, None), (2, None), (1, executor)):
        with open_pool(workers, where) as pool:
            results.append(b"".join(pool.map(pool_work.size, tasks, shared=b"shared")))
    assert results[0] == b"".join(b"shared" + task for task in tasks)
    assert results[1:] == results[:1] * 2


def test_tasks_are_taken_only_a_little_ahead(executor: str) -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for task in range(40):
            taken += 1
            yield task

    with open_pool(1, executor) as pool:
        for given_back, _ in enumerate(pool.map(pool_work.triple, tasks(), shared=1)):
            assert taken - given_back <= 4
    assert taken == 40


def test_shared_does_not_travel_with_each_task(executor: str) -> None:
    """The scheduler may send it to a worker again, under load; with every task it would be 30 times and more."""
    with open_pool(1, executor) as pool:
        list(pool.map(pool_work.unpickled, range(30), shared=pool_work.Counted()))
        assert max(pool.map(pool_work.unpickled, range(30), shared=pool_work.Counted())) < 6


def test_errors_are_those_of_the_function(executor: str) -> None:
    results: list[int] = []
    with pytest.raises(HamError) as caught, open_pool(1, executor) as pool:  # noqa: PT012
        for result in pool.map(pool_work.fail, range(30), shared="ham"):
            results.append(result)
    assert results == [0, 1, 2]
    assert str(caught.value) == "a.json, line 7: is not JSON; mend it"
    with pytest.raises(ValueError, match="of no use"), open_pool(1, executor) as pool:
        list(pool.map(pool_work.fail, range(30), shared="value"))
    with pytest.raises(HamError, match="ran out of memory"), open_pool(1, executor) as pool:
        list(pool.map(pool_work.fail, range(30), shared="memory"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix matter")
def test_a_task_that_kills_its_workers(executor: str) -> None:
    """The cluster tries it on other workers first; its nannies start new ones meanwhile."""
    with pytest.raises(HamError) as caught, open_pool(1, executor) as pool:
        list(pool.map(pool_work.fail, range(4), shared="kill"))
    assert str(caught.value).startswith("a worker process ended unexpectedly (of the cluster at tcp://127.0.0.1:")
    with open_pool(1, executor) as pool:
        assert list(pool.map(pool_work.triple, range(3), shared=1)) == [0, 1, 2]


def test_workers_with_another_ham_mrc(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scheduler is a thread of this process, and so has what this process has; its workers are processes."""
    monkeypatch.setattr(ham_mrc, "__version__", "9.9.9")
    with pytest.raises(HamError, match=r"worker tcp.* has ham-mrc .*, and this is 9\.9\.9; install the same every"):
        open_pool(1, executor).__enter__()


@pytest.mark.parametrize("content", ["__version__ = '0.0.0'", "raise ImportError"])
def test_a_scheduler_with_another_ham_mrc(tmp_path: Path, content: str) -> None:
    (tmp_path / "ham_mrc").mkdir()
    (tmp_path / "ham_mrc" / "__init__.py").write_text(content)
    note = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--dashboard-address", ":0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "--scheduler-file", str(note)], cwd=tmp_path, **quiet)
    try:
        deadline = time.monotonic() + 60
        while not (note.exists() and note.read_text().endswith("}")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address = json.loads(note.read_text())["address"]
        with pytest.raises(HamError) as caught, open_pool(1, address.replace("tcp://", "dask://")):
            pass
    finally:
        process.kill()
        process.wait()
    has = "ham-mrc 0.0.0" if "version" in content else "no ham-mrc"
    said = f"the dask scheduler at {address} has {has}, and this is {ham_mrc.__version__}"
    assert str(caught.value) == f"{said}; install the same everywhere"


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 1)
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(HamError) as caught, open_pool(1, f"dask://127.0.0.1:{port}"):
            pass
    assert str(caught.value) == (
        f"no dask scheduler answers at tcp://127.0.0.1:{port}; start one there with: dask scheduler"
    )
    assert time.monotonic() - start < 10


def test_a_scheduler_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 1)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty:
        address = empty.scheduler_address
        with pytest.raises(HamError) as caught, open_pool(1, address.replace("tcp://", "dask://")):
            pass
    assert str(caught.value) == (
        f"the dask scheduler at {address} has no workers; start some with: dask worker {address}"
    )


def test_a_cluster_that_goes_away() -> None:
    with distributed.LocalCluster(n_workers=1, dashboard_address=":0", silence_logs=50) as short:
        address = short.scheduler_address
        with pytest.raises(HamError) as caught, open_pool(1, address.replace("tcp://", "dask://")) as pool:  # noqa: PT012
            for _ in pool.map(pool_work.process_id, range(1000), shared=None):
                short.close()
    assert str(caught.value) == f"the connection to the dask scheduler at {address} was lost"


@pytest.mark.parametrize("form", ["dask", "dask://", "dask://host", "tcp://host:8786", "dask://host:x", "dask://[:1"])
def test_other_forms_of_address(form: str) -> None:
    with pytest.raises(HamError) as caught, open_pool(1, form):
        pass
    assert str(caught.value) == f'"{form}" is no executor; give dask://HOST:PORT'


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra) as caught, open_pool(1, "dask://127.0.0.1:8786"):
        pass
    assert "pip install 'ham-mrc[dask]'" in str(caught.value)
