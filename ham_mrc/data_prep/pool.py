"""One function over many tasks, in order and in flat memory: in this process, in several, or on a cluster."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from ham_mrc.errors import HamError

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")
Ticket = TypeVar("Ticket")


class Pool(Protocol):
    """Where work is done. Results and errors are the same, and come in the same order, whatever pool it is."""

    def map(self, function: Callable[[S, T], R], tasks: Iterable[T], *, shared: S) -> Iterator[R]:
        """`function(shared, task)` of each task, in the order of `tasks`; one `map` at a time.

        `function` stands at the top of a module, and is pure. `shared` goes to each worker once, tasks and results
        once each way; all of them must pickle. What a function raises is raised here when its task's turn comes, and
        what `tasks` raises after the results of all tasks before it.
        """


@contextlib.contextmanager
def open_pool(workers: int, executor: str | None = None) -> Iterator[Pool]:
    """A pool of `workers` processes, of none but this one for 1, or of the cluster at `executor`, dask://HOST:PORT.

    At most twice as many tasks as there are workers have been taken from `tasks` and not yet been given back as
    results; a cluster has as many workers as threads, and `workers` is not looked at. When the block ends, however it
    ends, all work has ended, and no process is left. Raises HamError for an executor of another form, for a cluster
    that does not answer, and for a worker that dies; MissingExtra where dask is not installed.
    """
    if executor is not None:
        from ham_mrc.data_prep.dask_pool import DaskPool

        with DaskPool.connect(executor) as cluster:
            yield cluster
    elif workers < 1:
        raise HamError(f"{workers} workers cannot work", remedy="give 1 or more")
    elif workers == 1:
        yield _Here()
    else:
        from ham_mrc.data_prep.process_pool import ProcessPool

        with contextlib.closing(ProcessPool(workers)) as processes:
            yield processes


class _Here:
    """The pool that is no pool: each task is done when its result is asked for."""

    def map(self, function: Callable[[S, T], R], tasks: Iterable[T], *, shared: S) -> Iterator[R]:
        for task in tasks:
            yield function(shared, task)


def in_order(
    tasks: Iterable[T], window: int, submit: Callable[[T], Ticket], result: Callable[[Ticket], Any]
) -> Iterator[Any]:
    """The result of each task in the order of `tasks`, with at most `window` of them submitted ahead.

    An error of `tasks` itself waits until all that was submitted before it has been given: one bad record then ends
    the work in the same place, with the same message, for any number of workers.
    """
    source = iter(tasks)
    tickets: deque[Ticket] = deque()
    fault: Exception | None = None
    more = True
    while more or tickets:
        while more and len(tickets) < window:
            try:
                task = next(source)
            except StopIteration:
                more = False
            except Exception as error:
                more, fault = False, error
            else:
                tickets.append(submit(task))
        if tickets:
            yield result(tickets.popleft())
    if fault is not None:
        raise fault


def worker_died(how: str) -> HamError:
    """What to raise where a worker is gone: from within, a kill for want of memory looks like any other end."""
    return HamError(
        f"a worker process ended unexpectedly ({how})",
        remedy="if it was short of memory, try again with fewer --workers",
    )


def out_of_memory() -> HamError:
    """What to raise where a worker was refused memory."""
    return HamError("a worker process ran out of memory", remedy="try again with fewer --workers")
