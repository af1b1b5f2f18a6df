"""`ham-mrc poem compare`: the paper's Table 2 with our systems in it, the differences and how sure they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, show


def compare(
    results: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders that were evaluated, or files from eval --save.")
    ],
    baseline_index: Annotated[
        int, typer.Option("--baseline-index", min=0, help="Which RUN the others are held against, from 0.")
    ] = 0,
    test: Annotated[
        Literal["randomization", "bootstrap"], typer.Option("--test", help="The paired test over poems.")
    ] = "randomization",
    no_correction: options.NoCorrection = False,
    no_paper: Annotated[
        bool, typer.Option("--no-paper", help="Leave out the published rows, which are on other data.")
    ] = False,
    resamples: options.TestResamples = 10_000,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    seed: options.Seed = options.DEFAULT_SEED,
) -> None:
    """Compare poem systems on the same poems: Table 2 with intervals, differences to the first, and p-values.

    Runs that differ only by seed are one row, mean and spread. Results on other poems, with other references or by
    another protocol are refused.
    """
    from ham_mrc.eval.poem_compare import compare_poems, comparison_document
    from ham_mrc.eval.poem_comparison_tables import comparison_tables
    from ham_mrc.eval.poem_file import load_poem_result

    comparison = compare_poems(
        [load_poem_result(path) for path in results],
        baseline_index=baseline_index,
        test=test,
        correction=not no_correction,
        paper=not no_paper,
        resamples=resamples,
        seed=seed,
    )
    show(Document(comparison_document(comparison), comparison_tables(comparison)), format, json=json, write=write)
