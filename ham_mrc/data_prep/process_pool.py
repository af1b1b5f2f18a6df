"""A pool of processes on this machine that survives nothing silently: a killed worker, Ctrl-C, a killed parent.

Not concurrent.futures: there all workers share one pipe for their results, whose writing end the parent keeps open as
well, so a worker that is killed while it sends leaves the parent waiting for the rest for ever. With results of
megabytes that is no rare moment. Here each worker has a pipe of its own, and the end of either side is an end of file
to the other.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn, TypeVar

from ham_mrc.data_prep.pool import in_order, out_of_memory, worker_died
from ham_mrc.errors import HamError

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")

CLOSING_SECONDS = 1.0
"""How long workers may take to see that they are no longer needed, before they are killed."""

SETUP = -1
"""The number of the message that carries function and shared instead of a task."""


class ProcessPool:
    """Up to `workers` processes, started when there are tasks for them, kept from one `map` to the next."""

    def __init__(self, workers: int) -> None:
        self._size = workers
        self._workers: list[_Worker] = []
        self._replies: dict[int, bytes] = {}
        self._busy = False

    def map(self, function: Callable[[S, T], R], tasks: Iterable[T], *, shared: S) -> Iterator[R]:
        """See Pool.map."""
        assert not self._busy, "one map at a time"
        self._busy = True
        finished = False
        try:
            source = iter(tasks)
            # Reading ahead here what in_order would take anyway tells how many processes there is work for.
            first, fault = _take(source, self._size)
            self._set_up(pickle.dumps((function, shared)), len(first))
            yield from in_order(chain(first, fault, source), 2 * self._size, self._submit, self._result)
            finished = True
        finally:
            self._busy = False
            if not finished:
                self.close()

    def _set_up(self, setup: bytes, wanted: int) -> None:
        with _interrupts_held():
            while len(self._workers) < wanted:
                self._workers.append(_Worker())
        self._sent = 0
        for worker in self._workers:
            worker.send(SETUP, setup)

    def _submit(self, task: Any) -> int:
        """Send the task to the worker with the least to do. The number under which its reply will come."""
        self._receive(timeout=0)
        worker = min(self._workers, key=lambda one: one.pending)
        worker.send(self._sent, pickle.dumps(task))
        worker.pending += 1
        self._sent += 1
        return self._sent - 1

    def _result(self, number: int) -> Any:
        while number not in self._replies:
            self._receive(timeout=None)
        good, value = pickle.loads(self._replies.pop(number))
        if not good:
            raise value
        return value

    def _receive(self, timeout: float | None) -> None:
        for ready in wait([worker.connection for worker in self._workers], timeout):
            worker = next(one for one in self._workers if one.connection is ready)
            number, reply = worker.receive()
            self._replies[number] = reply
            worker.pending -= 1

    def close(self) -> None:
        """End all workers, in about CLOSING_SECONDS at most."""
        workers, self._workers, self._replies = self._workers, [], {}
        for worker in workers:
            worker.connection.close()
        deadline = time.monotonic() + CLOSING_SECONDS
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
            worker.process.close()


def _take(source: Iterator[T], count: int) -> tuple[list[T], Iterator[T]]:
    """The first `count` tasks, and an iterator that raises what was raised on the way to them."""
    tasks: list[T] = []
    try:
        tasks.extend(islice(source, count))
    except Exception as error:
        return tasks, _raising(error)
    return tasks, iter(())


def _raising(error: Exception) -> Iterator[Any]:
    raise error
    yield


class _Worker:
    """A process, our end of the pipe to it, and how many of its replies are outstanding."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        self.pending = 0
        with theirs:
            self.process.start()

    def send(self, number: int, message: bytes) -> None:
        try:
            self.connection.send_bytes(number.to_bytes(8, "big", signed=True) + message)
        except OSError as error:
            raise self._death() from error

    def receive(self) -> tuple[int, bytes]:
        try:
            message = self.connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._death() from error
        return int.from_bytes(message[:8], "big", signed=True), message[8:]

    def _death(self) -> HamError:
        self.process.join(CLOSING_SECONDS)
        code = self.process.exitcode
        if code is not None and code < 0:
            return worker_died(f"signal {-code}: {signal.strsignal(-code)}")
        return worker_died(f"exit code {code}")


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal. Those started in here never see it; for us it waits.

    Windows has no such mask; there the workers ignore it from the moment they can.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # The first process started this way starts a helper of Python's own, which would lift the mask (CPython 3.11).
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection) -> None:
    """A worker's life. Tasks come and results go in threads, so that neither side waits for the other's reading."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    outbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_pump_in, args=(connection, inbox), daemon=True).start()
    threading.Thread(target=_pump_out, args=(connection, outbox), daemon=True).start()
    setup = b""
    job: tuple[Callable[[Any, Any], Any], Any] | None = None
    while True:
        message = inbox.get()
        head, body = message[:8], message[8:]
        if int.from_bytes(head, "big", signed=True) == SETUP:
            setup, job = body, None
            continue
        try:
            job = job or pickle.loads(setup)
            function, shared = job
            reply = pickle.dumps((True, function(shared, pickle.loads(body))))
        except Exception as error:
            reply = pickle.dumps((False, _portable(error)))
        outbox.put(head + reply)


def _portable(error: Exception) -> Exception:
    """The error as it can travel: with its traceback as a note, and itself only if it pickles both ways."""
    where = "".join(traceback.format_exception(error))
    if isinstance(error, MemoryError):
        return out_of_memory()
    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In a worker process:\n{where}")
    return error


def _pump_in(connection: Connection, inbox: queue.SimpleQueue[bytes]) -> NoReturn:
    try:
        while True:
            inbox.put(connection.recv_bytes())
    except (EOFError, OSError):
        # The parent closed the pipe, or is no more: what is being worked on interests nobody.
        os._exit(0)


def _pump_out(connection: Connection, outbox: queue.SimpleQueue[bytes]) -> NoReturn:
    try:
        while True:
            connection.send_bytes(outbox.get())
    except OSError:
        os._exit(0)
