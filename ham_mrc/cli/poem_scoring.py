"""What `ham-mrc poem eval` does with its options: lines, figures, files, words on standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ham_mrc.cli import output
from ham_mrc.cli.output import Document
from ham_mrc.cli.scoring import (
    CHECK_FAILED,
    limits,
    refuse_reports,
    refuse_without_baseline,
    say_what_failed,
    say_what_rose,
)

if TYPE_CHECKING:
    from ham_mrc.data_prep.poem_folder import PoemFolder
    from ham_mrc.eval.limits import LeastCheck
    from ham_mrc.eval.poem_result import PoemResult
    from ham_mrc.eval.regression import DropCheck
    from ham_mrc.quatrains.evaluate import Asked, Evaluated
    from ham_mrc.quatrains.written import NextKeyword, System
    from ham_mrc.training.poem_run import PoemRun

TEST_RESAMPLES = 10_000
"""Of the test behind --significant, as in `ham-mrc eval`."""

TRAINED = ("epochs", "best_epoch", "cut_short", "minutes", "perplexity")
"""What is taken over of a run's scores.json; the perplexity there is that of the valid part."""


class Wanted(NamedTuple):
    """The options of `ham-mrc poem eval` under the same names, with the same defaults; poem_eval.py explains them."""

    run: Path
    data: Path | None = None
    references: str = "both"
    keywords: str = "planned"
    limit: int | None = None
    beam: int = 10
    intervals: bool = True
    resamples: int = 1000
    save: Path | None = None
    baseline: Path | None = None
    max_drop: Sequence[str] = ()
    minimum: Sequence[str] = ()
    significant: bool = False
    update_baseline: bool = False
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
    """Write, score, store and print as wanted; 0, or 1 where a check failed. A HamError comes before any file."""
    from ham_mrc.eval.poem_file import save_poem_result
    from ham_mrc.eval.poem_gate import check_poems, load_poem_baseline, refuse_unknown_figures

    format = output.one_format(wanted.format, wanted.json)
    refuse_without_baseline(
        wanted.baseline, wanted.max_drop, significant=wanted.significant, update=wanted.update_baseline
    )
    if not wanted.minimum and wanted.against is None:
        refuse_reports(wanted.format, wanted.write)
    minima, max_drop = limits(wanted.minimum, "--min"), limits(wanted.max_drop, "--max-drop")
    named = {"--min": minima, "--max-drop": max_drop}
    for option, some in named.items():
        refuse_unknown_figures(some, option)  # before minutes of work, not after
    baseline = None if wanted.against is None else load_poem_baseline(wanted.against)
    opened, asked = open_run(wanted.run, wanted.data), _asked(wanted)
    _refuse_in_vain(opened, asked, named, baseline)
    found = _evaluated(opened, asked, wanted)
    resamples = max(wanted.resamples, TEST_RESAMPLES)
    checks = check_poems(
        found.result, minima, baseline, max_drop, significant=wanted.significant, resamples=resamples, seed=wanted.seed
    )
    document = _document(found.result, checks)
    _tell(found.result, wanted)
    _store(found, wanted)
    if wanted.update_baseline and wanted.baseline is not None and not document.failed:
        save_poem_result(wanted.baseline, found.result)
        output.notice(f"wrote the baseline {wanted.baseline}: review and commit it", quiet=wanted.quiet)
    output.show(document, format, write=wanted.write)
    if document.failed:
        say_what_failed(document, shown=format == "table")
        return CHECK_FAILED
    say_what_rose(checks, quiet=wanted.quiet)
    return 0


class Opened(NamedTuple):
    """A run with all that evaluating it takes; see `quatrains.evaluate.evaluate`."""

    system: System
    folder: PoemFolder
    next_keyword: NextKeyword
    settings: Mapping[str, Any]
    trained: Mapping[str, Any]


def open_run(path: Path, data: Path | None) -> Opened:
    """A finished run, with its prepared poems from `data` where they have moved."""
    from ham_mrc.cli.options import need_training

    need_training()
    from ham_mrc.quatrains import open_system
    from ham_mrc.training.poem_run import open_poem_run

    run = open_poem_run(path)
    run.need_finished()
    folder, system = run.folder(data), open_system(path)
    # A system that takes keywords plans them with its run's planner, for its perplexity as well as here.
    next_keyword = getattr(system, "next_keyword", _no_keyword)
    return Opened(system, folder, next_keyword, run_settings(run), _trained(run))


def _asked(wanted: Wanted) -> Asked:
    from ham_mrc.quatrains.evaluate import Asked

    return Asked(
        references=wanted.references,
        keywords=wanted.keywords,
        limit=wanted.limit,
        resamples=wanted.resamples if wanted.intervals else 0,
        seed=wanted.seed,
        beam=wanted.beam,
    )


def _refuse_in_vain(
    opened: Opened, asked: Asked, named: Mapping[str, Mapping[str, float]], baseline: PoemResult | None
) -> None:
    """Raise HamError where figures cannot be held against what is `named` by option: before they cost minutes."""
    from ham_mrc.eval.poem_gate import refuse_other_protocols, refuse_unmeasured
    from ham_mrc.quatrains.evaluate import protocols_of

    system, folder = opened.system, opened.folder
    protocols, multi = protocols_of(system, folder, asked), folder.taxonomy is not None
    for option, some in named.items():
        refuse_unmeasured(some, option, protocols, keywords=system.uses_keywords, multi=multi)
    if baseline is not None:
        refuse_other_protocols(baseline, protocols, str(folder.manifest["split"]))


def _evaluated(opened: Opened, asked: Asked, wanted: Wanted) -> Evaluated:
    from ham_mrc.cli.progress import reporter
    from ham_mrc.eval.evaluation import display_name
    from ham_mrc.quatrains.evaluate import evaluate
    from ham_mrc.quatrains.line_rules import line_rules

    return evaluate(
        opened.system,
        opened.folder,
        asked,
        next_keyword=opened.next_keyword,
        rules=line_rules(),
        name=display_name(wanted.run),
        run={**opened.settings, "beam": wanted.beam},
        trained=opened.trained,
        progress=reporter(wanted.quiet),
    )


def _no_keyword(keywords: Sequence[str]) -> str:
    return ""


def run_settings(run: PoemRun) -> dict[str, Any]:
    """What `poem compare` shows of a run and groups runs by: settings alone, nothing measured."""
    config = run.config
    return {"system": config.system, "preset": config.preset, **config.settings, **config.training_settings}


def _trained(run: PoemRun) -> dict[str, Any]:
    """How far training came, as the run's own last file says."""
    from ham_mrc.files import read_json
    from ham_mrc.training.run_folder import FINISHED

    told = read_json(run.path / FINISHED)
    return {name: told[name] for name in TRAINED if name in told} if isinstance(told, dict) else {}


def _document(result: PoemResult, checks: Sequence[LeastCheck | DropCheck]) -> Document:
    from ham_mrc.eval.poem_file import head_json
    from ham_mrc.eval.poem_tables import as_checks, result_tables

    facts = {f"signature of {protocol.key}": result.signature(protocol) for protocol in result.columns}
    facts |= {f"references_sha256 of {one.key}": judged.references_sha256 for one, judged in result.columns.items()}
    return Document(
        json={**head_json(result), "checks": [check.to_json() for check in checks]},
        tables=result_tables(result),
        checks=as_checks(checks, len(result.lengths)),
        name="ham-mrc.poems",
        properties={**facts, **{name: repr(value) for name, value in result.figures.items()}},
    )


def _tell(result: PoemResult, wanted: Wanted) -> None:
    """Say what was asked for and cannot be had."""
    have = {protocol.references for protocol in result.columns}
    if wanted.references == "both" and "multi" not in have:
        output.warning(
            "the poems were prepared without a taxonomy: figures are against the poet's own line alone, and can be "
            "compared with no others"
        )
    if wanted.keywords == "both" and not result.uses_keywords:
        output.notice(f"{result.system} takes no keywords, so that none can be leaked to it", quiet=wanted.quiet)


def _store(found: Evaluated, wanted: Wanted) -> None:
    """Where --save says; and RUN/poems.json with RUN/lines, unless a result that holds more stands there."""
    from ham_mrc.eval.poem_file import lacks, save_poem_result, standing_result
    from ham_mrc.eval.poem_result import FILE_NAME

    if wanted.save is not None:
        save_poem_result(wanted.save, found.result)
    file = wanted.run / FILE_NAME
    standing = standing_result(file)
    if standing is not None and (more := lacks(found.result, standing)) is not None:
        kept = "" if wanted.save is not None else "; --save FILE keeps this"
        output.notice(f"{file} {more} and stays as it is{kept}", quiet=wanted.quiet)
        return
    save_poem_result(file, found.result)
    _store_lines(found, wanted.run / "lines")


def _store_lines(found: Evaluated, folder: Path) -> None:
    """The lines behind the figures that stand, and none of a result before."""
    from ham_mrc.eval.quatrains import PROTOCOLS
    from ham_mrc.files import write_jsonl

    for kind in {protocol.keywords for protocol in PROTOCOLS}:
        file = folder / f"{found.result.part}-{kind}.jsonl"
        if kind in found.lines:
            write_jsonl(file, found.lines[kind])
        else:
            file.unlink(missing_ok=True)
