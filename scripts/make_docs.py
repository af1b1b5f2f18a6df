"""Writes the generated part of docs/cli.md, the command reference, from what `--help` prints.

    python scripts/make_docs.py             write it
    python scripts/make_docs.py --check     only say whether it is stale

What stands above the mark in that page is written by hand and stays.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "cli.md"
MARK = "<!-- Below this line: written by scripts/make_docs.py from the commands' help. Edit the help instead. -->\n"
# The help as it looks in a file: no boxes, no colour, always the same width. Typer reads this when it is imported.
PLAIN = {"TYPER_USE_RICH": "0", "NO_COLOR": "1", "COLUMNS": "80"}


def main() -> int:
    """Write the page, or compare it; 1 if it is stale."""
    parser = argparse.ArgumentParser(description="Write docs/cli.md from the commands' help.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is stale")
    options = parser.parse_args()
    old = PAGE.read_text(encoding="utf-8")
    by_hand = old.partition(MARK)[0]
    page = by_hand + MARK + "\n" + reference()
    if page == old:
        return 0
    if options.check:
        print("docs/cli.md is stale; run: python scripts/make_docs.py", file=sys.stderr)
        return 1
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    return 0


def reference() -> str:
    """The help of the program, then of each command, and of its own commands, in the order in which they are listed."""
    os.environ.update(PLAIN)
    os.environ.pop("FORCE_COLOR", None)
    sys.path.insert(0, str(ROOT))  # the help of this checkout, whatever else is installed
    from ham_mrc.cli.app import command

    sections = [section()]
    for name, one in command().commands.items():
        sections += [section(name), *(section(name, own) for own in getattr(one, "commands", {}))]
    return "\n".join(sections)


def section(*words: str) -> str:
    """A heading and what `ham-mrc WORDS --help` prints."""
    from ham_mrc.cli.main import run

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        code = run([*words, "--help"])
    title = " ".join(["ham-mrc", *words])
    assert code == 0, f"`{title} --help` ends with exit code {code}"
    lines = [line.rstrip() for line in text.getvalue().strip().splitlines()]
    return "\n".join([f"### {title}", "", "```text", *lines, "```", ""])


if __name__ == "__main__":
    sys.exit(main())
