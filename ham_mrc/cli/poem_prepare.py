"""`ham-mrc poem prepare`: a collection of poems to a folder that systems learn from, and what was dropped and why."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show, warning
from ham_mrc.cli.progress import reporter

if TYPE_CHECKING:
    from ham_mrc.data_prep.prepare_poems import PoemRequest


def prepare(
    poems: Annotated[
        Path,
        typer.Option(
            "--poems",
            metavar="FILE",
            help="JSON Lines, plain or .gz: {id, author, title, dynasty, lines} with four lines of 5 or 7 characters.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write, whole or not at all.")],
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            "--taxonomy",
            metavar="FILE",
            help="Themes and their phrases: number, heading, phrases, separated by tabs. "
            "Without one there are no multiple references and no themes to plan by.",
        ),
    ] = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Make half of valid and of test poems of 5 characters a line.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first faulty record, naming its line.")] = False,
    seed: options.Seed = options.DEFAULT_SEED,
    force: options.Force = False,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Turn a collection of poems into training triples, vocabulary, keywords and references.

    2,000 poems each become valid and test, a tenth each of a collection below 5,000; no line is in two parts.
    """
    from ham_mrc.data_prep.prepare_poems import PoemRequest

    request = PoemRequest(poems, out, taxonomy, balanced=balanced, seed=seed, strict=strict, force=force)
    run(request, format, json=json, write=write, quiet=quiet)


def run(request: PoemRequest, format: options.FormatName, *, json: bool, write: list[Path] | None, quiet: bool) -> None:
    """Prepare poems and show what came of it; `ham-mrc prepare poems` ends here as well."""
    from ham_mrc.cli.poem_prepared import as_json, as_tables
    from ham_mrc.data_prep.prepare_poems import prepare_poems
    from ham_mrc.data_prep.quatrain_split import ENOUGH

    manifest = prepare_poems(request, reporter(quiet))
    kept = manifest["read"] - sum(manifest["dropped"].values())
    if kept < ENOUGH:
        notice(f"{kept:,} poems are fewer than {ENOUGH:,}: valid and test take a tenth each", quiet=quiet)
    if request.taxonomy is not None and not manifest["parts"]["train"]["tang"]:
        warning("no poem is dated to the Tang dynasty, so there are no references beside a poem's own lines")
    show(Document(as_json(manifest, request.out), as_tables(manifest)), format, json=json, write=write)
    notice(f"next: ham-mrc poem train --data {shlex.quote(str(request.out))} --system ppg --out RUN", quiet=quiet)
