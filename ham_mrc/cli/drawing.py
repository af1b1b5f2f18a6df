"""Tables drawn by rich: as text for a terminal, a log or a pipe, and as what `pictures` records."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ham_mrc.tables import Cell, Table, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

STAR = "*"
"""Follows the best figure of a column in text, where bold may not show."""

WORD = 12
"""Characters of a word that is not broken where the terminal is narrow."""

_SUPERSCRIPTS = str.maketrans(
    "0123456789abcdefghijklmnoprstuvwxyz",  # Unicode has no common raised q
    "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
)


def to_text(table: Table, width: int | None = None, color: bool = False) -> str:
    """Lines for a terminal of `width` columns, or as wide as they need if None. Ends with a line break.

    Long words are broken to fit; a number never is. A table of too many numbers comes in pieces, one below the other,
    each with the columns of words that its rows begin with.
    """
    from rich.console import Console

    pieces = [table] if width is None else _pieces(table, width)
    # rich takes 80 columns in a terminal that calls itself dumb unless it is told the height as well.
    console = Console(
        file=io.StringIO(),
        width=needed_width(table) if width is None else max(width, *map(_least_width, pieces)),
        height=100,
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for part in renderables(table, pieces):
            console.print(part)
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def renderables(table: Table, pieces: Sequence[Table] = ()) -> list[RenderableType]:
    """What rich draws: the title, the grid (of `pieces` one each), and the notes."""
    from rich.text import Text

    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(printable(table.title), style="bold"))
    for number, piece in enumerate(pieces or [table]):
        parts += [Text("")] if number else []
        parts.append(_grid(piece))
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


def _pieces(table: Table, width: int) -> list[Table]:
    """The table, or where its numbers need more than `width`, its columns in groups that fit or stand alone."""
    columns = range(len(table.columns))
    words = next((i for i in columns if table.columns[i].align == "right"), len(columns)) or 1
    if _least_width(table) <= width or words >= len(columns):
        return [table]
    groups: list[list[int]] = []
    for column in columns[words:]:
        longer = [*(groups[-1] if groups else ()), column]
        if groups and _least_width(_of_columns(table, [*columns[:words], *longer])) <= width:
            groups[-1] = longer
        else:
            groups.append([column])
    return [_of_columns(table, [*columns[:words], *group]) for group in groups]


def _of_columns(table: Table, chosen: Sequence[int]) -> Table:
    rows = tuple(tuple(row[i] for i in chosen) for row in table.rows)
    return Table(tuple(table.columns[i] for i in chosen), rows)


def _least_width(table: Table) -> int:
    """The columns at which numbers are whole, and words too if they have no more than WORD characters."""
    from rich.cells import cell_len

    words = [_column_texts(table, i) for i, column in enumerate(table.columns) if column.align == "left"]
    spare = 0
    for texts in words:
        longest = max((cell_len(word) for text in texts for word in text.split()), default=0)
        spare += max(0, max(map(cell_len, texts)) - max(8, min(longest, WORD)))
    return _wide_console().measure(_grid(table)).maximum - spare


def _wide_console() -> Console:
    from rich.console import Console

    return Console(file=io.StringIO(), width=1_000_000, height=100, legacy_windows=False)
