"""`ham-mrc eval`: the official figures of any system's predictions, how sure they are, and a check for CI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ham_mrc.cli import options, output
from ham_mrc.cli.output import Document
from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from ham_mrc.eval.evaluation import Evaluation

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
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Resamples of the intervals.")] = 1000,
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
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Fail where this stored result is better.")
    ] = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option("--max-drop", metavar="METRIC=POINTS", help="Let METRIC drop by POINTS (else 0). Repeatable."),
    ] = None,
    minimum: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="METRIC=VALUE", help="Fail where METRIC is below VALUE. Repeatable."),
    ] = None,
    significant: Annotated[
        bool, typer.Option("--significant", help="A drop fails only if a paired test also gives p < 0.05.")
    ] = False,
    cluster: Annotated[
        Literal["passage"] | None,
        typer.Option("--cluster", help="Resample whole passages: questions on one passage are not independent."),
    ] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write this result to the --baseline file, unchecked against it.")
    ] = False,
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
    from ham_mrc.eval.evaluation import Asked
    from ham_mrc.eval.evaluation import evaluate as find_out
    from ham_mrc.eval.regression import parse_limits

    against = None if update_baseline else baseline
    if baseline is None:
        _refuse_without_baseline(
            {"--max-drop": max_drop, "--significant": significant, "--update-baseline": update_baseline}
        )
    if average_precision and na_prob is None:
        raise HamError(
            "--average-precision goes through probabilities, and none are given", remedy="add --na-prob FILE"
        )
    options_given = {
        "threshold": na_prob_threshold,
        "curves": average_precision or None,
        "task": task,
        "tokenised": tokenised or None,
    }
    if cluster and not (intervals or significant):
        raise HamError("--cluster says what to resample, and nothing is", remedy="add --intervals or --significant")
    if not minimum and against is None:
        _refuse_reports(format, write or ())
    asked = Asked(
        options={name: value for name, value in options_given.items() if value is not None},
        na_prob=na_prob,
        variants=tuple(metrics or ()),
        contains=contains,
        strict=strict,
        intervals=intervals,
        by=by,
        minima=parse_limits(minimum or (), "--min"),
        baseline=against,
        max_drop=parse_limits(max_drop or (), "--max-drop"),
        significant=significant,
        clustered=cluster is not None,
        resamples=resamples,
        seed=seed,
    )
    found = find_out(predictions, references, dataset, asked)
    document = _document(found)
    _tell(found, quiet)
    _store(found, save, per_question)
    if update_baseline and not document.failed:
        _store(found, baseline, None)
        output.notice(f"wrote the baseline {baseline}: review and commit it", quiet=quiet)
    output.show(document, format, json=json, write=write)
    if document.failed:
        _say_what_failed(document, shown=format == "table" and not json)
        raise typer.Exit(1)


def _refuse_without_baseline(given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value:
            raise HamError(f"{option} is about a baseline, and none is named", remedy="add --baseline FILE")


def _refuse_reports(format: str, write: Sequence[Path]) -> None:
    """Before anything is written: a report of checks needs one."""
    asking = [f"--format {format}"] if format in ("junit", "github") else []
    asking += [f"--write {path}" for path in write if path.name.lower().endswith(".junit.xml")]
    if asking:
        raise HamError(
            f"{asking[0]} reports checks, and none was asked for",
            remedy="add --min METRIC=VALUE or --baseline FILE, or choose another format",
        )


def _document(found: Evaluation) -> Document:
    from ham_mrc.eval.evaluation import evaluation_json
    from ham_mrc.eval.tables import as_checks, evaluation_tables

    scores = found.scores
    return Document(
        json=evaluation_json(found),
        tables=evaluation_tables(found),
        checks=as_checks(found),
        name=f"ham-mrc.{scores.dataset}",
        properties={
            "signature": scores.signature,
            **{f"signature of {name}": text for name, text in scores.variants.items()},
            "references_sha256": scores.references_sha256,
            **{metric: repr(value) for metric, value in scores.metrics.items()},
        },
    )


def _tell(found: Evaluation, quiet: bool) -> None:
    """Say what a bare figure would hide."""
    from ham_mrc.eval.evaluation import missing_text

    scores = found.scores
    if scores.extra and not scores.answered:
        output.warning("not one prediction is for a question of these references; is this the right pair of files?")
    elif scores.missing:
        output.notice(f"{missing_text(found)}; missing answers score 0", quiet=quiet)


def _store(found: Evaluation, result: Path | None, per_question: Path | None) -> None:
    if result is not None:
        from ham_mrc.eval.results import save_result

        save_result(result, found.scores, name=found.name, run=found.run)
    if per_question is not None:
        from ham_mrc.eval.score import question_rows
        from ham_mrc.files import write_jsonl

        write_jsonl(per_question, question_rows(found.scores, found.predictions, found.references))


def _say_what_failed(document: Document, *, shown: bool) -> None:
    """On standard error, unless the table on standard output has said so already."""
    for check in document.checks:
        if not check.passed and not shown:
            output.error(f"check failed: {check.message}")
