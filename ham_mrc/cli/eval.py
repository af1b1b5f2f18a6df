"""`ham-mrc eval`: the official figures of any system's predictions, how sure they are, and a check for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.scoring import Wanted, run

By = Literal["question-type", "question-length", "answer-length", "answer-type", "passage-length"]
Dataset = Literal["squad", "cmrc", "msmarco", "dureader"]
Task = Literal["main", "all", "description", "entity", "yesno"]


def evaluate(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS|RUN",
            help="{id: text}, a list of {id, prediction_text}, JSON Lines of {id, answer}, or the dataset's own form; "
            "or a run's folder.",
        ),
    ],
    references: Annotated[
        Path | None, typer.Argument(metavar="REFERENCES", help="A file of the dataset; none with a run's folder.")
    ] = None,
    dataset: Annotated[
        Dataset | None, typer.Option("--dataset", help="Guessed from the references where not given.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            metavar="NAME[:TOKENISER]",
            help="Add figures of another library: sacrebleu (13a, intl, zh, char) or rouge-score (default, stemmed, "
            "words); the tokeniser suits the references where not given. Repeatable.",
        ),
    ] = None,
    na_prob: Annotated[
        Path | None,
        typer.Option(
            "--na-prob", metavar="FILE", help="SQuAD 2.0: {id: probability of no answer}, for best thresholds."
        ),
    ] = None,
    na_prob_threshold: Annotated[
        float | None,
        typer.Option("--na-prob-threshold", help="SQuAD 2.0: take answers back above this probability (else 1)."),
    ] = None,
    average_precision: Annotated[
        bool, typer.Option("--average-precision", help="SQuAD 2.0: add the average precisions; needs --na-prob.")
    ] = False,
    task: Annotated[Task | None, typer.Option("--task", help="DuReader: the official task (else main).")] = None,
    tokenised: Annotated[
        bool, typer.Option("--tokenised", help="MS MARCO: texts are tokens joined by spaces, spaCy is not asked.")
    ] = False,
    intervals: Annotated[bool, typer.Option("--intervals", help="Add 95% bootstrap intervals.")] = False,
    resamples: options.IntervalResamples = 1000,
    by: Annotated[By | None, typer.Option("--by", help="Add a breakdown of the scores.")] = None,
    contains: Annotated[
        bool, typer.Option("--contains", help="Add how often the answer stands somewhere in the prediction.")
    ] = False,
    per_question: Annotated[
        Path | None, typer.Option("--per-question", metavar="FILE", help="Write every question's scores, JSON Lines.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Store the result, for compare and --baseline.")
    ] = None,
    baseline: options.Baseline = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option("--max-drop", metavar="METRIC=POINTS", help="Let METRIC drop by POINTS (else 0). Repeatable."),
    ] = None,
    minimum: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="METRIC=VALUE", help="Fail where METRIC is below VALUE. Repeatable."),
    ] = None,
    significant: options.Significant = False,
    cluster: Annotated[
        Literal["passage"] | None,
        typer.Option("--cluster", help="Resample whole passages: questions on one passage are not independent."),
    ] = None,
    update_baseline: options.UpdateBaseline = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 where a question has no prediction.")] = False,
    format: options.CheckFormat = "table",
    json: options.Json = False,
    write: options.Write = None,
    seed: options.Seed = options.DEFAULT_SEED,
    quiet: options.Quiet = False,
) -> None:
    """Score predictions, with figures equal to the dataset's official program to the last digit.

    A question without a prediction scores 0, as in that program. Exit code 1 says that a check failed.
    """
    wanted = Wanted(
        predictions=predictions,
        references=references,
        dataset=dataset,
        metrics=tuple(metrics or ()),
        na_prob=na_prob,
        na_prob_threshold=na_prob_threshold,
        average_precision=average_precision,
        task=task,
        tokenised=tokenised,
        intervals=intervals,
        resamples=resamples,
        by=by,
        contains=contains,
        per_question=per_question,
        save=save,
        baseline=baseline,
        max_drop=tuple(max_drop or ()),
        minimum=tuple(minimum or ()),
        significant=significant,
        cluster=cluster,
        update_baseline=update_baseline,
        strict=strict,
        format=format,
        json=json,
        write=tuple(write or ()),
        seed=seed,
        quiet=quiet,
    )
    if code := run(wanted):
        raise typer.Exit(code)
