"""`ham-mrc report`: several results as one page, to be opened from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import notice
from ham_mrc.errors import HamError


def report(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT...", help="Run folders, or files from eval --save.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page.")] = Path("report.html"),
    references: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The references, where the folder that the runs name is not there."),
    ] = None,
    trace: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FILE",
            help="Attention from predict --trace; NAME says of which result, where that is unclear. Repeatable.",
        ),
    ] = None,
    baseline_index: Annotated[
        int, typer.Option("--baseline-index", min=0, help="Which RESULT the others are held against, from 0.")
    ] = 0,
    resamples: options.TestResamples = 10_000,
    seed: options.Seed = options.DEFAULT_SEED,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Show results as one HTML page that holds all it needs: scores, depth, levels, training, and every question.

    Questions and passages come from the prepared folder that a run names, attention from --trace.
    """
    from ham_mrc.report.gather import gather
    from ham_mrc.report.page import write_report

    if out.exists() and not force:
        raise HamError("is there already", file=out, remedy="choose another --out, or add --force")
    material = gather(results, references, baseline_index=baseline_index, resamples=resamples, seed=seed)
    size = write_report(out, material, trace or ())
    for text in material.notes:
        notice(text, quiet=quiet)
    notice(f"wrote {out} ({size / 1e6:.1f} MB): open it in a browser", quiet=quiet)
