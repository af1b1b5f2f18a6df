"""The tables of docs/results.md and docs/poems.md from the runs that are kept in experiments/.

    python scripts/make_results.py keep runs/english runs/poems    # their files but weights, to experiments/
    python scripts/make_results.py                                 # all tables anew; --check: would one change?

A kept run is what `ham-mrc train` or `ham-mrc poem train` wrote, less what weighs: config.toml, log.jsonl, scores.json
and poems.json with every question's or poem's scores, which `compare`, `poem compare` and `report` read. Places are
written as seen from the folder of the command. Sentences are written by hand; what stands between a line
`<!-- NAME: BLOCK -->` and the next `<!-- end -->` is written by this script.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ham_mrc.config import read_toml
from ham_mrc.eval.datasets import metrics_of
from ham_mrc.eval.poem_compare import compare_poems
from ham_mrc.eval.poem_comparison_tables import comparison_tables
from ham_mrc.eval.poem_file import load_poem_result
from ham_mrc.eval.published import PUBLISHED
from ham_mrc.eval.results import load_result
from ham_mrc.sweep.folder import SWEEP
from ham_mrc.sweep.grid import Cell, Grid
from ham_mrc.sweep.levels import sweep_levels
from ham_mrc.sweep.result import SweepResult, SweepRow, sweep_result
from ham_mrc.sweep.runs import RUNS, best_epoch, log_of
from ham_mrc.sweep.table import main_metrics, sweep_tables
from ham_mrc.tables import Table, make_table, to_markdown

ROOT = Path(__file__).resolve().parent.parent
PAGES, EXPERIMENTS = (ROOT / "docs" / "results.md", ROOT / "docs" / "poems.md"), ROOT / "experiments"
OF_A_RUN = ("config.toml", "log.jsonl", "scores.json")
OF_POEMS = (*OF_A_RUN, "poems.json")
BLOCK = re.compile(r"(<!-- (?P<name>[\w-]+): (?P<block>\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def keep(sweep: Path, experiments: Path = EXPERIMENTS) -> Path:
    """Copy a sweep's finished runs without their weights, and its lists; the folder that they stand in."""
    if not (sweep / SWEEP).exists():
        return keep_poems(sweep, experiments)
    kept, grid = experiments / sweep.name, grid_of(sweep)
    before = str(Path(read_toml(sweep / SWEEP)["made"]["data"]).parent.parent)
    if kept.exists():
        shutil.rmtree(kept)
    for name in (SWEEP, RUNS, "curve.svg"):
        if (sweep / name).exists():
            _copy(sweep / name, kept / name, before)
    for cell in grid:
        if (sweep / cell.folder / OF_A_RUN[-1]).exists():
            for name in OF_A_RUN:
                _copy(sweep / cell.folder / name, kept / cell.folder / name, before)
    return kept


def keep_poems(runs: Path, experiments: Path) -> Path:
    """The same of a folder that holds runs of poem systems."""
    kept = experiments / runs.name
    if kept.exists():
        shutil.rmtree(kept)
    for run in sorted(path.parent for path in runs.glob(f"*/{OF_POEMS[-1]}")):
        before = str(Path(read_toml(run / OF_A_RUN[0])["data"]["folder"]).parent.parent)
        for name in OF_POEMS:
            _copy(run / name, kept / run.name / name, before)
    return kept


def _copy(source: Path, target: Path, before: str) -> None:
    """A text file with the places below the folder `before` as seen from there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text(encoding="utf-8").replace(f"{before}/", ""), encoding="utf-8")


def grid_of(folder: Path) -> Grid:
    """The grid that a sweep's folder records."""
    head = read_toml(folder / SWEEP)["sweep"]
    return Grid(tuple(head["readers"]), tuple(head["depths"]), tuple(head["seeds"]))


def found(folder: Path) -> SweepResult:
    """What the runs in a sweep's folder show, from their scores.json alone."""
    grid = grid_of(folder)
    return sweep_result({cell: load_result(folder / cell.folder) for cell in _finished(folder)}, grid, paper=False)


def _finished(folder: Path) -> list[Cell]:
    return [cell for cell in grid_of(folder) if (folder / cell.folder / OF_A_RUN[-1]).exists()]


def _tables(folder: Path) -> list[Table]:
    levels = sweep_levels({cell: best_epoch(log_of(folder / cell.folder))["levels"] for cell in _finished(folder)})
    return sweep_tables(found(folder), levels)


def _runs(folder: Path) -> Table:
    """A row for each run of the grid, with the command that repeats it."""
    listed = json.loads((folder / RUNS).read_text(encoding="utf-8"))["runs"]
    metrics = main_metrics(found(folder))
    headers = ["run", *(metric.label for metric in metrics.values()), "best epoch", "minutes", "command"]
    rows = []
    for run in listed:
        figures = [f"{run['metrics'][name]:.2f}" if "metrics" in run else run["state"] for name in metrics]
        minutes = f"{run['training_seconds'] / 60:.1f}" if "training_seconds" in run else ""
        rows.append([run["folder"], *figures, str(run.get("best_epoch", "")), minutes, run["command"]])
    return make_table(headers, rows, right=headers[1:-1])


def _paper(folder: Path) -> Table:
    """What each depth adds to a reader without it, in Table 1 of the paper and in this sweep: on other data each."""
    own: dict[tuple[str, int | None], SweepRow] = {(row.reader, row.depth): row for row in found(folder).rows}
    metrics = main_metrics(found(folder))
    rows = []
    for dataset, published in PUBLISHED.items():
        known = metrics_of(dataset, "1.1")
        base = published[0].metrics
        for row in published[1:]:
            if (row.name, row.depth) in own:
                gains = {known[name].label: value - base[name] for name, value in row.metrics.items()}
                here = own[row.name, row.depth].differences
                said = [_gain(metrics[name].label, here[name].value) for name in metrics]
                told = ", ".join(_gain(*gain) for gain in gains.items())
                rows.append([row.name, str(row.depth), f"{PAPER_DATA[dataset]}: {told}", ", ".join(said)])
    return make_table(["reader", "depth", "in the paper", "here"], rows, right=["depth"])


def _gain(label: str, value: float) -> str:
    return f"{label} {value:+.2f}"


PAPER_DATA = {"squad": "SQuAD", "dureader": "DuReader", "msmarco": "MS MARCO"}


def _published(_: Path) -> Table:
    """Table 1 of the paper as it stands there."""
    rows = []
    for dataset, published in PUBLISHED.items():
        labels = metrics_of(dataset, "1.1")
        for row in published:
            figures = ", ".join(f"{labels[name].label} {value:.2f}" for name, value in row.metrics.items())
            rows.append([PAPER_DATA[dataset], row.name, "none" if row.depth is None else str(row.depth), figures])
    return make_table(["dataset", "reader", "depth", "figures"], rows, right=["depth"])


def _poems(folder: Path, protocol: str) -> str:
    """What `ham-mrc poem compare` prints by one protocol; depth 1 is the baseline."""
    return "\n".join(map(to_markdown, _comparison_tables(folder, protocol)))


def _comparison_tables(folder: Path, key: str) -> list[Table]:
    results = []
    for run in poem_runs(folder):
        result = load_poem_result(run)
        columns = {protocol: column for protocol, column in result.columns.items() if protocol.key == key}
        results += [replace(result, columns=columns)] if columns else []
    return comparison_tables(compare_poems(results, resamples=10_000))


def _poem_differences(folder: Path) -> Table:
    """The differences to depth 1 by the headline protocol, without the systems' own figures."""
    return _comparison_tables(folder, "multi-planned")[1]


def _each_poem_run(folder: Path) -> Table:
    """A row for each run of Table 2: what training and evaluation said of it."""
    names = ("bleu_5", "bleu_7", "single_bleu_5", "single_bleu_7")
    rows = []
    for run in poem_runs(folder):
        result = load_poem_result(run)
        found, lines = result.figures, result.diagnostics["planned"]["7"]
        perplexity = result.trained.get("perplexity")
        cells = [f"{found[name]:.2f}" for name in names] + [f"{lines[name]:.1f}" for name in SHARES_OF_7]
        rows.append([run.name, "" if perplexity is None else f"{perplexity:.1f}", *cells])
    headers = ["run", "perplexity of valid", "BLEU 5", "BLEU 7", "single BLEU 5", "single BLEU 7"]
    headers += SHARES_OF_7.values()
    return make_table(headers, rows, right=headers[1:])


SHARES_OF_7 = {"tone_fit": "in the tones, %", "rhyme": "rhyming, %", "different": "different lines, %"}
"""What is shown of a run's lines of seven characters, with planned keywords."""


def poem_runs(folder: Path) -> list[Path]:
    """The kept runs of Table 2, in its order."""
    return [path for start in POEM_ROWS for path in sorted(folder.glob(f"{start}-*"))]


POEM_ROWS = ("dot", "ham5", "ham10", "ham20", "ppg", "ppglr2", "rnnpg", "smt")
"""The rows of Table 2 by the beginning of their runs' names; the first is the baseline."""

BLOCKS: dict[str, Callable[[Path], str]] = {
    "table": lambda folder: to_markdown(_tables(folder)[-1]),
    "seeds": lambda folder: to_markdown(_tables(folder)[0]),
    "levels": lambda folder: to_markdown(_tables(folder)[1]),
    "runs": lambda folder: to_markdown(_runs(folder)),
    "paper": lambda folder: to_markdown(_paper(folder)),
    "published": lambda folder: to_markdown(_published(folder)),
    "multi": lambda folder: _poems(folder, "multi-planned"),
    "single": lambda folder: _poems(folder, "single-planned"),
    "oracle": lambda folder: _poems(folder, "multi-oracle"),
    "each": lambda folder: to_markdown(_each_poem_run(folder)),
    "differences": lambda folder: to_markdown(_poem_differences(folder)),
}


def pages() -> list[Path]:
    """The pages that have such tables."""
    return [file for file in PAGES if file.exists()]


def page(text: str, experiments: Path = EXPERIMENTS) -> str:
    """The page with all its blocks made anew."""
    return BLOCK.sub(lambda hit: hit[1] + BLOCKS[hit["block"]](experiments / hit["name"]), text)


def main() -> int:
    """0 where all is done, or with --check nothing is to be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", nargs="*", help="keep SWEEP...")
    parser.add_argument("--check", action="store_true", help="say whether the page is as it would be made")
    asked = parser.parse_args()
    if asked.keep:
        for sweep in asked.keep[1:]:
            print(keep(Path(sweep).resolve()))
        return 0
    stale = 0
    for file in pages():
        old = file.read_text(encoding="utf-8")
        new = page(old)
        stale += old != new
        if not asked.check:
            file.write_text(new, encoding="utf-8")
    return int(asked.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
