"""A pool whose workers are those of a dask cluster, for corpora beyond one machine (the extra `dask`)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ham_mrc
from ham_mrc.data_prep.pool import in_order, out_of_memory, worker_died
from ham_mrc.errors import HamError, MissingExtra

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")

CONNECT_SECONDS = 5
"""How long a scheduler may take to answer, and workers to turn up."""


class DaskPool:
    """The workers of the cluster behind `client`, a distributed.Client."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address

    @classmethod
    @contextlib.contextmanager
    def connect(cls, executor: str) -> Iterator[DaskPool]:
        """The cluster at dask://HOST:PORT, until the block ends.

        Raises HamError for another form of address, where nobody answers within CONNECT_SECONDS, where no worker
        turns up, and where scheduler or workers run another ham-mrc than this; MissingExtra without the package.
        """
        address = _address(executor)
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise MissingExtra("distributed", "dask", "--executor dask://...") from error
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise HamError(
                f"no dask scheduler answers at {address}", remedy="start one there with: dask scheduler"
            ) from error
        try:
            _check(client, address)
            yield cls(client, address)
        finally:
            client.close(timeout=CONNECT_SECONDS)

    def map(self, function: Callable[[S, T], R], tasks: Iterable[T], *, shared: S) -> Iterator[R]:
        """See Pool.map. A task whose worker dies is tried again on others, as often as the cluster's settings say."""
        with self._faults():
            # A task like others, which each worker fetches once from where it was done. Not scatter: what that sends
            # is lost with the workers that hold it, while this is done again.
            job = self._client.submit(_job, function, shared, pure=False)
            threads = sum(self._client.nthreads().values())
        outstanding: set[Any] = set()

        def submit(task: T) -> Any:
            with self._faults():
                future = self._client.submit(_run, job, task, pure=False)
            outstanding.add(future)
            return future

        def result(future: Any) -> R:
            with self._faults():
                value: R = future.result()
            outstanding.discard(future)
            return value

        try:
            yield from in_order(tasks, 2 * threads, submit, result)
        finally:
            if outstanding:
                self._client.cancel(list(outstanding))

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """The cluster's own troubles in the user's words; what a function raised passes as it is."""
        distributed: Any = import_module("distributed")
        try:
            yield
        except distributed.KilledWorker as error:
            raise worker_died(f"of the cluster at {self._address}") from error
        except MemoryError as error:
            raise out_of_memory() from error
        except (CancelledError, distributed.comm.CommClosedError, TimeoutError) as error:
            raise HamError(f"the connection to the dask scheduler at {self._address} was lost") from error


def _address(executor: str) -> str:
    """dask://HOST:PORT as dask itself writes it."""
    try:
        parts = urlsplit(executor)
        good = parts.scheme == "dask" and parts.hostname and parts.port and parts.path in ("", "/")
    except ValueError:
        good = False
    if not good:
        raise HamError(f'"{executor}" is no executor', remedy="give dask://HOST:PORT")
    return f"tcp://{parts.netloc}"


def _check(client: Any, address: str) -> None:
    """Raise HamError unless there are workers, and they and the scheduler, who all unpickle tasks, run this ham-mrc."""
    # Sent by value: who has no ham-mrc must be able to say so.
    version = _version_by_value()
    _demand_same(f"scheduler at {address}", client.run_on_scheduler(version))
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError as error:
        raise HamError(
            f"the dask scheduler at {address} has no workers", remedy=f"start some with: dask worker {address}"
        ) from error
    for worker, found in client.run(version).items():
        _demand_same(f"worker {worker}", found)


def _demand_same(who: str, version: str | None) -> None:
    if version != ham_mrc.__version__:
        has = f"ham-mrc {version}" if version else "no ham-mrc"
        raise HamError(
            f"the dask {who} has {has}, and this is {ham_mrc.__version__}", remedy="install the same everywhere"
        )


def _version_by_value() -> Callable[[], str | None]:
    """A function that cloudpickle sends whole, as it does with whatever has no name in a module."""

    def version() -> str | None:
        try:
            from ham_mrc import __version__
        except ImportError:
            return None
        return __version__

    version.__module__ = "__main__"
    return version


def _job(function: Callable[[S, T], R], shared: S) -> tuple[Callable[[S, T], R], S]:
    return function, shared


def _run(job: tuple[Callable[[S, T], R], S], task: T) -> R:
    function, shared = job
    return function(shared, task)
