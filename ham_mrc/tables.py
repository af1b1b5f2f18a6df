"""A table as plain data, and as Markdown, LaTeX and CSV. Drawing one on a terminal is the command line's affair."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, and "right" for one that holds numbers."""

    header: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place. `best` is shown bold (and starred in text), `mark` as a superscript.

    `faint` is grey wherever rich draws: a figure that is not ours. Its row has to say so in words as well.
    """

    text: str
    best: bool = False
    mark: str = ""
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; every row has one cell a column. `notes` stand below, one line each."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            assert len(row) == len(self.columns), f"{len(row)} cells for {len(self.columns)} columns"


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on something the user asked to be checked; a failed one makes the command exit with 1.

    `message` is one line saying what, by how much, against what; `detail` may have more lines. `file` and
    `line` (from 1) say where the cause stands, if that is known.
    """

    name: str
    passed: bool
    message: str
    detail: str = ""
    file: str | None = None
    line: int | None = None


def make_table(
    headers: Iterable[str],
    rows: Iterable[Iterable[str | Cell]],
    *,
    right: Iterable[str] = (),
    title: str = "",
    notes: Iterable[str] = (),
) -> Table:
    """A table from plain strings; the headers named in `right` hold numbers."""
    numbers = set(right)
    columns = tuple(Column(header, "right" if header in numbers else "left") for header in headers)
    cells = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(columns, cells, title, tuple(notes))


def printable(text: str) -> str:
    """`text` on one line, safe for a terminal: white space as single spaces, controls as U+FFFD."""
    return _CONTROL.sub("\ufffd", " ".join(text.split()))


_MARKDOWN = re.compile(r"[\\`*~<\[\]|]|(?<!\w)_|_(?!\w)")


def to_markdown(table: Table) -> str:
    """A GitHub-flavoured Markdown table. The best figures are bold, marks are superscripts."""
    lines = [f"**{_markdown(table.title)}**", ""] if table.title else []
    lines.append(_markdown_row(_markdown(column.header) for column in table.columns))
    lines.append(_markdown_row("---:" if column.align == "right" else "---" for column in table.columns))
    lines += [_markdown_row(_markdown_cell(cell) for cell in row) for row in table.rows]
    for note in table.notes:
        lines += ["", _markdown(note)]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown_cell(cell: Cell) -> str:
    text = _markdown(cell.text)
    text = f"**{text}**" if cell.best and text else text
    return f"{text}<sup>{_markdown(cell.mark)}</sup>" if cell.mark else text


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", printable(text)).replace("&", "&amp;")


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # after the line end \\ a bare bracket would be read as its argument,
        "*": "{*}",  # and a bare star as part of its name
        "±": r"$\pm$",
        "×": r"$\times$",
        "−": "$-$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "→": r"$\rightarrow$",
        "–": "--",
        "—": "---",
        "…": r"\ldots{}",
    }
)


def to_latex(table: Table) -> str:
    r"""A LaTeX table for a document with \usepackage{booktabs}."""
    lines = [r"\begin{table}", r"\centering"]
    if table.title:
        lines.append(rf"\caption{{{_latex(table.title)}}}")
    lines.append(rf"\begin{{tabular}}{{{''.join(column.align[0] for column in table.columns)}}}")
    lines += [r"\toprule", _latex_row(_latex(column.header) for column in table.columns), r"\midrule"]
    lines += [_latex_row(_latex_cell(cell) for cell in row) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par{{\footnotesize {_latex(note)}}}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_cell(cell: Cell) -> str:
    text = rf"\textbf{{{_latex(cell.text)}}}" if cell.best else _latex(cell.text)
    return rf"{text}\textsuperscript{{{_latex(cell.mark)}}}" if cell.mark else text


def _latex(text: str) -> str:
    return printable(text).translate(_LATEX)


def to_csv(table: Table) -> str:
    """Comma-separated values, header first: the bare texts, no title, no marks, no notes. A row is one line."""
    import csv
    import io

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(printable(column.header) for column in table.columns)
    writer.writerows([printable(cell.text) for cell in row] for row in table.rows)
    return stream.getvalue()
