"""Results to standard output and to files, words to standard error. Nothing else in ham-mrc prints."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from ham_mrc.tables import Check, Table


@dataclass(frozen=True)
class Document:
    """What a command found out: one JSON object, the tables to show it in, the checks that were asked for.

    `json` carries a "schema" number and is all that `--format json` prints. `name` (say, "ham-mrc.squad")
    and `properties` (say, the signature) stand in the JUnit file.
    """

    json: Mapping[str, Any]
    tables: Sequence[Table] = ()
    checks: Sequence[Check] = ()
    name: str = "ham-mrc"
    properties: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert isinstance(self.json.get("schema"), int), "every JSON object that is printed carries its schema"

    @property
    def failed(self) -> bool:
        """Whether a check failed: the command then ends with `raise typer.Exit(1)`."""
        return any(not check.passed for check in self.checks)


Renderer = Callable[[Document], str]


def _text(document: Document) -> str:
    from ham_mrc.cli.drawing import to_text

    width, color = terminal_width(sys.stdout), wants_color(sys.stdout)
    parts = [to_text(table, width, color) for table in document.tables]
    if document.checks:
        parts.append("".join(_check_line(check) for check in document.checks))
    return "\n".join(parts)


def _check_line(check: Check) -> str:
    from ham_mrc import tables

    lines = [f"{'passed' if check.passed else 'FAILED'}: {check.message}", *check.detail.splitlines()]
    return "".join(f"{'    ' if i else ''}{tables.printable(line)}\n" for i, line in enumerate(lines))


def _json(document: Document) -> str:
    from ham_mrc.files import to_json

    return to_json(document.json, indent=True).decode()


def _markdown(document: Document) -> str:
    from ham_mrc import tables

    parts = [tables.to_markdown(table) for table in document.tables]
    if document.checks:
        rows = [
            (check.message, tables.Cell("passed") if check.passed else tables.Cell("FAILED", best=True))
            for check in document.checks
        ]
        parts.append(tables.to_markdown(tables.make_table(("check", "verdict"), rows)))
    return "\n".join(parts)


def _latex(document: Document) -> str:
    from ham_mrc.tables import to_latex

    return "\n".join(to_latex(table) for table in document.tables)


def _csv(document: Document) -> str:
    from ham_mrc.tables import to_csv

    return "\n".join(to_csv(table) for table in document.tables)


def _junit(document: Document) -> str:
    from ham_mrc.cli.checks import to_junit

    return to_junit(document.checks, name=document.name, properties=document.properties)


def _github(document: Document) -> str:
    from ham_mrc.cli.checks import to_annotations

    return to_annotations(document.checks)


def _svg(document: Document) -> str:
    from ham_mrc.cli.pictures import to_svg

    return to_svg(document.tables)


def _html(document: Document) -> str:
    from ham_mrc.cli.pictures import to_html

    return to_html(document.tables)


FORMATS: dict[str, Renderer] = {
    "table": _text,
    "json": _json,
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
    "junit": _junit,
    "github": _github,
}
"""What `--format` takes."""

SUFFIXES: dict[str, Renderer] = {
    ".json": _json,
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
    ".junit.xml": _junit,
    ".svg": _svg,
    ".html": _html,
}
"""What `--write` goes by."""


def rendering(path: str | Path) -> Renderer:
    """The rendering that the name of a `--write` file asks for; HamError if it asks for none that we have."""
    for suffix, render in SUFFIXES.items():
        if Path(path).name.lower().endswith(suffix):
            return render
    raise HamError("no rendering goes by this suffix", file=path, remedy=f"use one of {' '.join(SUFFIXES)}")


def one_format(format: str, json: bool) -> str:
    """What `--format` and `--json` together ask for. Raises HamError where that is two formats."""
    if json and format not in ("table", "json"):
        raise HamError(f"--json and --format {format} exclude each other", remedy="give one of them")
    return "json" if json else format


def show(
    document: Document, format: str = "table", *, json: bool = False, write: Iterable[str | Path] | None = ()
) -> None:
    """Print `document` and write every file of `--write`. All is rendered before anything is printed or written.

    `json` stands for `--json` and is short for the format "json". Raises HamError for two formats at once, for
    "junit" or "github" without a check, and for a file that cannot be written.
    """
    from ham_mrc.files import write_whole

    format = one_format(format, json)
    printed = _render(document, FORMATS[format], f"--format {format}")
    written = [(Path(path), _render(document, rendering(path), f"--write {path}")) for path in write or ()]
    for path, text in written:
        with write_whole(path) as stream:
            stream.write(text.encode("utf-8", "replace"))
    if format == "github":
        _append_summary(_markdown(document))
    emit(printed)


def _render(document: Document, render: Renderer, option: str) -> str:
    if render in (_junit, _github) and not document.checks:
        raise HamError(
            f"{option} reports checks, and none was asked for",
            remedy="ask for one (eval: --min METRIC=VALUE or --baseline FILE) or choose another format",
        )
    return render(document)


def _append_summary(markdown: str) -> None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", errors="replace") as stream:
            stream.write(markdown + "\n")
    except OSError as error:
        raise HamError(f"GITHUB_STEP_SUMMARY cannot be written ({error.strerror})", file=path) from error


def emit(text: str) -> None:
    """Write to standard output, and out of the buffer, so that a full disk or a closed pipe shows here."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HamError(f"cannot be written ({error.strerror})", file="standard output") from error


def notice(text: str, *, quiet: bool = False) -> None:
    """Tell something in one line on standard error, unless the user wants it quiet."""
    if not quiet:
        _to_stderr(text, "2")


def warning(text: str) -> None:
    """Warn in one line on standard error, also when it should be quiet."""
    _to_stderr(f"warning: {text}", "33")


def error(text: str) -> None:
    """Say in one line on standard error why the command ends here."""
    _to_stderr(f"error: {text}", "31")


def _to_stderr(text: str, style: str) -> None:
    from ham_mrc.tables import printable

    line = printable(text)
    line = f"\x1b[{style}m{line}\x1b[0m" if wants_color(sys.stderr) else line
    # Who closed standard error does not want to hear it; the work goes on and the exit code still tells.
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def wants_color(stream: TextIO | None) -> bool:
    """Whether to colour what goes to `stream`: NO_COLOR wins over FORCE_COLOR, which wins over the terminal."""
    if stream is None or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def terminal_width(stream: TextIO | None) -> int | None:
    """The columns to keep to: COLUMNS if set, else those of the terminal, else None for as many as it takes."""
    import shutil

    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size().columns if stream is not None and stream.isatty() else None
