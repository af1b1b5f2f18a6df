"""A signal is a wish to stop; the second one is obeyed on the spot."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ham_mrc.progress import silent
from ham_mrc.training.interrupt import StoppableBar, stop_requested

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are a Unix matter")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_asks_and_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stop_requested() as stop:  # noqa: PT012
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        os.kill(os.getpid(), signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_thread_is_never_asked() -> None:
    answers = []

    def work() -> None:
        with stop_requested() as stop:
            answers.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]


def test_bar_stops_after_the_work_is_counted() -> None:
    counted, said = [], []

    class Listener:
        def advance(self, count: int = 1, note: str = "") -> None:
            counted.append((count, note))

        def say(self, text: str) -> None:
            said.append(text)

    asked = False
    bar = StoppableBar(Listener(), lambda: asked)
    bar.advance(3, "loss 2")
    bar.say("a line")
    asked = True
    with pytest.raises(KeyboardInterrupt):
        bar.advance(4)
    assert counted == [(3, "loss 2"), (4, "")]
    assert said == ["a line"]


def test_a_silent_bar_stops_as_well() -> None:
    with silent("work") as bar, pytest.raises(KeyboardInterrupt):
        StoppableBar(bar, lambda: True).advance()
