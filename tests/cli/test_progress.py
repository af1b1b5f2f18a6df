"""Progress off a terminal line by line, under a clock of our own; on one, that it draws."""

import io
import sys

import pytest

from ham_mrc.cli.progress import duration, live, plain, reporter
from ham_mrc.progress import silent


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_plain_line_every_fifteen_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with plain("training", total=2000, unit="examples", clock=clock) as bar:
        for _ in range(20):
            clock.now += 2
            bar.advance(100, note="loss 3.21" if clock.now < 120 else "")
    assert capsys.readouterr() == (
        "",
        "training: 800 of 2,000 examples, 50/s, 24s left, loss 3.21\n"
        "training: 1,600 of 2,000 examples, 50/s, 8s left, loss 3.21\n"
        "training: 2,000 examples in 40s\n",
    )


def test_work_of_unknown_length(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with plain("reading", clock=clock) as bar:
        clock.now += 20
        bar.advance(30)
    assert capsys.readouterr().err == "reading: 30, 1.5/s\nreading: 30 in 20s\n"


def test_short_work_is_not_worth_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with plain("reading", total=2) as bar:
        bar.advance(2)
    assert capsys.readouterr().err == ""


def test_work_that_fails_claims_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()

    def fail() -> None:
        with plain("reading", total=9, clock=clock) as bar:
            clock.now += 15
            bar.advance(3)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert capsys.readouterr().err == "reading: 3 of 9, 0.2/s, 30s left\n"


def test_what_is_said_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with plain("training") as bar:
        bar.say("epoch 1: F1 40.12")
    assert capsys.readouterr().err == "epoch 1: F1 40.12\n"


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with reporter(quiet=True)("training", total=2) as bar:
        bar.advance()
        bar.say("epoch 1")
    assert capsys.readouterr() == ("", "")


def test_a_bar_only_where_it_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reporter() is plain
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert reporter() is live
    assert reporter(quiet=True) is silent
    monkeypatch.setenv("TERM", "dumb")
    assert reporter() is plain


def test_the_bar_tells_count_rate_and_note_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with live("training", total=40, unit="examples") as bar:
        bar.advance(30, note="loss 3.21")
        bar.say("epoch [1] done")
    shown = terminal.getvalue()
    assert "training" in shown
    assert "30 of 40 examples, " in shown
    assert "loss 3.21" in shown
    assert "epoch [1] done\n" in shown


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0s"), (59.6, "1m00s"), (185, "3m05s"), (7800, "2h10m"), (-1, "0s")]
)
def test_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
