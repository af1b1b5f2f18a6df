"""`ham-mrc compare`: several results in one table, with the differences and how sure they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, show


def compare(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT...", help="Run folders, or files from eval --save.")],
    baseline_index: Annotated[
        int, typer.Option("--baseline-index", min=0, help="Which RESULT the others are held against, from 0.")
    ] = 0,
    test: Annotated[
        Literal["randomization", "bootstrap"], typer.Option("--test", help="The paired test over questions.")
    ] = "randomization",
    no_correction: options.NoCorrection = False,
    paper: Annotated[
        bool, typer.Option("--paper", help="Add the published rows of Table 1, which are on other data.")
    ] = False,
    resamples: options.TestResamples = 10_000,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    seed: options.Seed = options.DEFAULT_SEED,
) -> None:
    """Compare results on the same questions: scores with intervals, differences to the first, and p-values.

    Runs that differ only by seed are one row, mean and spread. Results scored by another definition or on other
    questions are refused.
    """
    from ham_mrc.eval.compare import compare as make_comparison
    from ham_mrc.eval.comparison import comparison_json
    from ham_mrc.eval.comparison_tables import comparison_tables
    from ham_mrc.eval.results import load_result

    comparison = make_comparison(
        [load_result(path) for path in results],
        baseline_index=baseline_index,
        test=test,
        correction=not no_correction,
        paper=paper,
        resamples=resamples,
        seed=seed,
    )
    show(Document(comparison_json(comparison), comparison_tables(comparison)), format, json=json, write=write)
