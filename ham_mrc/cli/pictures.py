"""Tables as pictures of a terminal: SVG and HTML, each one file that fetches nothing when it is opened."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ham_mrc.cli.drawing import needed_width, renderables
from ham_mrc.tables import Table

if TYPE_CHECKING:
    from rich.console import Console


def to_svg(tables: Sequence[Table]) -> str:
    """One SVG picture of all tables."""
    svg = _record(tables).export_svg(title="ham-mrc")
    # rich names a font on a public server; the reader's own monospaced one does.
    return re.sub(r"@font-face\s*{[^}]*}\s*", "", svg)


def to_html(tables: Sequence[Table]) -> str:
    """One HTML page of all tables."""
    return _record(tables).export_html()


def _record(tables: Sequence[Table]) -> Console:
    from rich.console import Console

    width = max((needed_width(table) for table in tables), default=1)
    console = Console(file=io.StringIO(), record=True, width=width, height=100)
    for index, table in enumerate(tables):
        if index:
            console.print()
        for part in renderables(table):
            console.print(part)
    return console
