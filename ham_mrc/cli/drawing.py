"""Tables drawn by rich: as text for a terminal, a log or a pipe, and as what `pictures` records."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ham_mrc.tables import Cell, Table, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

STAR = "*"
"""Follows the best figure of a column in text, where bold may not show."""

_SUPERSCRIPTS = str.maketrans(
    "0123456789abcdefghijklmnoprstuvwxyz",  # Unicode has no common raised q
    "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
)


def to_text(table: Table, width: int | None = None, color: bool = False) -> str:
    """Lines for a terminal of `width` columns, or as wide as they need if None. Ends with a line break.

    Long words are broken to fit; a number never is, so that a table of many numbers may still be wider.
    """
    from rich.console import Console

    # rich takes 80 columns in a terminal that calls itself dumb unless it is told the height as well.
    console = Console(
        file=io.StringIO(),
        width=needed_width(table) if width is None else max(width, _least_width(table)),
        height=100,
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for part in renderables(table):
            console.print(part)
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def renderables(table: Table) -> list[RenderableType]:
    """What rich draws: the title, the grid, and the notes."""
    from rich.text import Text

    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(printable(table.title), style="bold"))
    parts.append(_grid(table))
    notes = list(table.notes)
    if any(cell.best for row in table.rows for cell in row):
        notes.append(f"{STAR} best in its column")
    parts += [Text(printable(note), style="dim") for note in notes]
    return parts


def _grid(table: Table) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    columns = [_column_texts(table, i) for i in range(len(table.columns))]
    for column, texts in zip(table.columns, columns, strict=True):
        grid.add_column(Text(texts[0]), overflow="fold", no_wrap=column.align == "right")
    for number, row in enumerate(table.rows, 1):
        texts = [texts[number] for texts in columns]
        grid.add_row(*(Text(text, _style(cell)) for text, cell in zip(texts, row, strict=True)))
    return grid


def _style(cell: Cell) -> str:
    return "bold" if cell.best else "dim" if cell.faint else ""


def _column_texts(table: Table, index: int) -> list[str]:
    """The header and the cells of one column; those of numbers all equally wide, because rich would strip the
    space below the marks, which hang to the right of the digits.
    """
    from rich.cells import cell_len

    column, cells = table.columns[index], [row[index] for row in table.rows]
    hang = max((len(_suffix(cell)) for cell in cells), default=0)
    texts = [printable(column.header), *(printable(cell.text) + _suffix(cell).ljust(hang) for cell in cells)]
    if column.align == "left":
        return texts
    whole = max(cell_len(text) for text in texts)
    return [" " * (whole - cell_len(text)) + text for text in texts]


def _suffix(cell: Cell) -> str:
    return (STAR if cell.best else "") + printable(cell.mark).translate(_SUPERSCRIPTS)


def needed_width(table: Table) -> int:
    """The columns of a terminal at which nothing of `table` has to be broken."""
    wide = _wide_console()
    return max(wide.measure(part).maximum for part in renderables(table))


def _least_width(table: Table) -> int:
    """The columns at which numbers are whole and columns of words have eight characters."""
    from rich.cells import cell_len

    words = [_column_texts(table, i) for i, column in enumerate(table.columns) if column.align == "left"]
    spare = sum(max(0, max(cell_len(text) for text in texts) - 8) for texts in words)
    return _wide_console().measure(_grid(table)).maximum - spare


def _wide_console() -> Console:
    from rich.console import Console

    return Console(file=io.StringIO(), width=1_000_000, height=100, legacy_windows=False)
