"""`ham-mrc poem eval`: what the lines of a trained system are worth, how sure that is, and a check for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.poem_scoring import Wanted, run


def evaluate(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a trained system.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The prepared folder, where it is not at the place RUN names."),
    ] = None,
    references: Annotated[
        Literal["multi", "single", "both"],
        typer.Option("--references", help="All lines that can stand for the poet's, or the poet's own line alone."),
    ] = "both",
    keywords: Annotated[
        Literal["planned", "oracle", "both"],
        typer.Option("--keywords", help="Planned from the lines before, or leaked from the line to be written."),
    ] = "planned",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only so many poems of the test part, evenly spaced.")
    ] = None,
    beam: Annotated[int, typer.Option("--beam", min=1, help="Candidates kept while a line is written.")] = 10,
    intervals: Annotated[
        bool, typer.Option("--intervals/--no-intervals", help="95% bootstrap intervals over poems.")
    ] = True,
    resamples: options.IntervalResamples = 1000,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Also store the result here, beside RUN/poems.json.")
    ] = None,
    baseline: options.Baseline = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option("--max-drop", metavar="FIGURE=POINTS", help="Let FIGURE drop by POINTS (else 0). Repeatable."),
    ] = None,
    minimum: Annotated[
        list[str] | None,
        typer.Option(
            "--min", metavar="FIGURE=VALUE", help="Fail where FIGURE (bleu_7, single_b1_5) is below VALUE. Repeatable."
        ),
    ] = None,
    significant: options.Significant = False,
    update_baseline: options.UpdateBaseline = False,
    format: options.CheckFormat = "table",
    json: options.Json = False,
    write: options.Write = None,
    seed: options.Seed = options.DEFAULT_SEED,
    quiet: options.Quiet = False,
) -> None:
    """Let a system write lines 2, 3 and 4 of every test poem from the poet's lines before them, and score these.

    BLEU-2 for each i and length, against many references and against one, stored in RUN/poems.json; the lines are in
    RUN/lines. A result there that holds more stays (more poems; or as many, and references, keywords or intervals that
    this one lacks, or a wider beam); --save RUN/poems.json replaces it. Exit code 1 says that a check failed.
    """
    wanted = Wanted(
        run=run_folder,
        data=data,
        references=references,
        keywords=keywords,
        limit=limit,
        beam=beam,
        intervals=intervals,
        resamples=resamples,
        save=save,
        baseline=baseline,
        max_drop=tuple(max_drop or ()),
        minimum=tuple(minimum or ()),
        significant=significant,
        update_baseline=update_baseline,
        format=format,
        json=json,
        write=tuple(write or ()),
        seed=seed,
        quiet=quiet,
    )
    if code := run(wanted):
        raise typer.Exit(code)
