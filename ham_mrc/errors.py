"""The errors that are for the user. Anything else that escapes is a bug of ours and keeps its traceback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class HamError(Exception):
    """Wrong usage or wrong input: shown as one line on standard error, exit code 2.

    `file` and `place` (a line, a question id, a key) come first in the message, the remedy last:

        error: train.json, question 56be4db0: answer_start 515 is past the end of its passage (502 characters)
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        place: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.place = place
        self.remedy = remedy
        where = ", ".join(part for part in (self.file, place) if part)
        text = f"{where}: {what}" if where else what
        super().__init__(" ".join((f"{text}; {remedy}" if remedy else text).split()))

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors come back from worker processes by pickling, which would call __init__ with the finished text.
        return _restored, (type(self), self.args), vars(self)


def _restored(kind: type[HamError], args: tuple[Any, ...]) -> HamError:
    error = kind.__new__(kind)
    error.args = args
    return error


class ConfigError(HamError):
    """Every fault of one configuration, shown together, so that one run of the editor mends them all."""

    def __init__(self, faults: Sequence[str], *, file: str | Path | None = None) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults), file=file)


class MissingExtra(HamError):
    """A command needs a package that only an extra of ham-mrc installs."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed",
            remedy=f"run: pip install 'ham-mrc[{extra}]'",
        )


class ShapeError(HamError, ValueError):
    """Widths that do not fit together, named with both of their numbers. Also a ValueError, for users of one module."""
