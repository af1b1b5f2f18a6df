"""What `ham-mrc eval` does with its options: scores, files, words on standard error. Knows nothing of Typer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ham_mrc.cli import output
from ham_mrc.cli.output import Document
from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from ham_mrc.eval.evaluation import Asked, Evaluation
    from ham_mrc.eval.limits import LeastCheck
    from ham_mrc.eval.regression import DropCheck
    from ham_mrc.tables import Check, Table

CHECK_FAILED = 1


class Wanted(NamedTuple):
    """The options of `ham-mrc eval` under the same names and with the same defaults; cli/eval.py explains them."""

    predictions: Path
    references: Path | None = None
    dataset: str | None = None
    metrics: Sequence[str] = ()
    na_prob: Path | None = None
    na_prob_threshold: float | None = None
    average_precision: bool = False
    task: str | None = None
    tokenised: bool = False
    intervals: bool = False
    resamples: int = 1000
    by: str | None = None
    contains: bool = False
    per_question: Path | None = None
    save: Path | None = None
    baseline: Path | None = None
    max_drop: Sequence[str] = ()
    minimum: Sequence[str] = ()
    significant: bool = False
    cluster: str | None = None
    update_baseline: bool = False
    strict: bool = False
    format: str = "table"
    json: bool = False
    write: Sequence[Path] = ()
    seed: int = 13
    quiet: bool = False

    @property
    def against(self) -> Path | None:
        """The baseline to be held against; none where it is being written."""
        return None if self.update_baseline else self.baseline


def run(wanted: Wanted) -> int:
    """Score, store and print as wanted; 0, or 1 where a check failed. Raises HamError before anything is written."""
    from ham_mrc.eval.evaluation import evaluate

    format = output.one_format(wanted.format, wanted.json)
    _refuse_in_vain(wanted)
    found = evaluate(wanted.predictions, wanted.references, wanted.dataset, _asked(wanted))
    document = _document(found, drawn=format != "json" or bool(wanted.write))
    _tell(found, wanted.quiet)
    _store(found, wanted.save, wanted.per_question)
    if wanted.update_baseline and not document.failed:
        _store(found, wanted.baseline, None)
        output.notice(f"wrote the baseline {wanted.baseline}: review and commit it", quiet=wanted.quiet)
    output.show(document, format, write=wanted.write)
    if not document.failed:
        say_what_rose(found.checks, quiet=wanted.quiet)
        return 0
    say_what_failed(document, shown=format == "table")
    return CHECK_FAILED


def _refuse_in_vain(wanted: Wanted) -> None:
    """Raise HamError for an option that would do nothing as the others are."""
    refuse_without_baseline(
        wanted.baseline, wanted.max_drop, significant=wanted.significant, update=wanted.update_baseline
    )
    if wanted.average_precision and wanted.na_prob is None:
        raise HamError(
            "--average-precision goes through probabilities, and none are given", remedy="add --na-prob FILE"
        )
    if wanted.cluster and not (wanted.intervals or wanted.significant):
        raise HamError("--cluster says what to resample, and nothing is", remedy="add --intervals or --significant")
    if not wanted.minimum and wanted.against is None:
        refuse_reports(wanted.format, wanted.write)


def refuse_without_baseline(baseline: Path | None, max_drop: Sequence[str], *, significant: bool, update: bool) -> None:
    """Raise HamError for an option about a baseline where none is named."""
    given = {"--max-drop": max_drop, "--significant": significant, "--update-baseline": update}
    for option in (option for option, value in given.items() if value and baseline is None):
        raise HamError(f"{option} is about a baseline, and none is named", remedy="add --baseline FILE")


def refuse_reports(format: str, write: Sequence[Path]) -> None:
    """Before anything is written: a report of checks needs one."""
    asking = [f"--format {format}"] if format in ("junit", "github") else []
    asking += [f"--write {path}" for path in write if path.name.lower().endswith(".junit.xml")]
    if asking:
        raise HamError(
            f"{asking[0]} reports checks, and none was asked for",
            remedy="add --min METRIC=VALUE or --baseline FILE, or choose another format",
        )


def _asked(wanted: Wanted) -> Asked:
    from ham_mrc.eval.evaluation import Asked

    options = {
        "threshold": wanted.na_prob_threshold,
        "curves": wanted.average_precision or None,
        "task": wanted.task,
        "tokenised": wanted.tokenised or None,
    }
    return Asked(
        options={name: value for name, value in options.items() if value is not None},
        na_prob=wanted.na_prob,
        variants=wanted.metrics,
        contains=wanted.contains,
        strict=wanted.strict,
        intervals=wanted.intervals,
        by=wanted.by,
        minima=limits(wanted.minimum, "--min"),
        baseline=wanted.against,
        max_drop=limits(wanted.max_drop, "--max-drop"),
        significant=wanted.significant,
        clustered=wanted.cluster is not None,
        resamples=wanted.resamples,
        seed=wanted.seed,
    )


def limits(texts: Sequence[str], option: str) -> Mapping[str, float]:
    """{metric: number} from "METRIC=NUMBER" texts. Raises HamError."""
    if not texts:
        return {}
    from ham_mrc.eval.limits import parse_limits

    return parse_limits(texts, option)


def _document(found: Evaluation, *, drawn: bool) -> Document:
    """What was found; with tables only where they are `drawn`."""
    from ham_mrc.eval.evaluation_json import evaluation_json

    scores = found.scores
    return Document(
        json=evaluation_json(found),
        tables=_tables(found) if drawn else (),
        checks=_checks(found) if found.checks else (),
        name=f"ham-mrc.{scores.dataset}",
        properties={
            "signature": scores.signature,
            **{f"signature of {name}": text for name, text in scores.variants.items()},
            "references_sha256": scores.references_sha256,
            **{metric: repr(value) for metric, value in scores.metrics.items()},
        },
    )


def _tables(found: Evaluation) -> Sequence[Table]:
    from ham_mrc.eval.tables import evaluation_tables

    return evaluation_tables(found)


def _checks(found: Evaluation) -> Sequence[Check]:
    from ham_mrc.eval.tables import as_checks

    return as_checks(found)


def _tell(found: Evaluation, quiet: bool) -> None:
    """Say what a bare figure would hide."""
    from ham_mrc.eval.evaluation import WITHHELD, missing_text

    scores = found.scores
    if found.references.withheld:
        output.warning(WITHHELD)
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


def say_what_rose(checks: Sequence[LeastCheck | DropCheck], *, quiet: bool) -> None:
    """A baseline that has been left behind would let the next drop pass."""
    risen = [text for check in checks if (text := check.risen_text())]
    if risen:
        output.notice(f"baseline can be raised: {', '.join(risen)}; --update-baseline writes it", quiet=quiet)


def say_what_failed(document: Document, *, shown: bool) -> None:
    """On standard error, unless the table on standard output has said so already."""
    for check in document.checks:
        if not check.passed and not shown:
            output.error(f"check failed: {check.message}")
