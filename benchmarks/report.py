"""`ham-mrc report`: the size of a page, how long it takes to make and to open, and what a filter takes in a browser.

    python benchmarks/report.py
    python benchmarks/report.py --questions 50000 --runs 3
    python benchmarks/report.py --results runs/depth1 runs/depth5

Without --results the runs are made up: questions on passages of 120 words, five on each, all answers stored. A filter
is timed from the choice or the letter typed to the moment when the list is changed. Each search is held against the
plain way, side by side in the same page: every question's texts, made lower-case anew, and looked through one by one.
The plain way of storing is JSON beside the page. Chromium is needed, and the package playwright (extra test).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from ham_mrc.files import to_json
from ham_mrc.report.gather import Material, gather
from ham_mrc.report.page import write_report
from ham_mrc.report.questions import questions

MEGABYTE = 1e6
LARGEST, SLOWEST = 15.0, 200.0  # MB, milliseconds: the aims for 10,000 questions of five runs
SEARCHES = ("e", "river1", "river12", "nowhere to be found")
CHOICES = (("outcome", "right"), ("outcome", "differs"), ("outcome", "all"), ("order", "gap"), ("order", "file"))
NAMES = ("chromium", "chromium-browser", "google-chrome")

PLAIN = """([texts, words]) => {
  const begun = performance.now();
  const found = texts.filter((own) => own.some((text) => text.toLowerCase().includes(words)));
  return [performance.now() - begun, found.length];
}"""


def main() -> None:
    """Print a row for each filter, then size and times. To be slow is no error; to find other questions is one."""
    asked = parse()
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise SystemExit("error: no Chromium here; install one")
    with tempfile.TemporaryDirectory() as scratch:
        paths = asked.results or made_up(Path(scratch), asked.questions, asked.runs)
        begun = time.perf_counter()
        material = gather(paths, resamples=100)
        file = Path(scratch) / "report.html"
        size = write_report(file, material)
        made = time.perf_counter() - begun
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
            page = browser.new_page()
            begun = time.perf_counter()
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]")
            opened = time.perf_counter() - begun
            slowest = filters(page, texts_of(material))
            browser.close()
    count = material.comparison.questions
    plain = len(to_json(questions(material)))
    print(f"\n{count:,} questions, {len(material.runs)} results; 100 resamples")
    print(f"page: {size / MEGABYTE:.2f} MB, {size / plain:.2f} of its questions as JSON (aim: {LARGEST:g} MB)")
    print(f"slowest filter: {slowest:.1f} ms (aim: {SLOWEST:g} ms); made in {made:.1f} s, opened in {opened:.1f} s")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The size and the speed of a report.")
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--results", type=Path, nargs="+", help="run folders, instead of made-up ones")
    return parser.parse_args()


def made_up(folder: Path, count: int, runs: int) -> list[Path]:
    """Runs as the tests make them."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from report_runs import many_questions, write_runs

    return write_runs(folder / "runs", many_questions(count), tuple(range(1, runs + 1)))


def texts_of(material: Material) -> list[list[str]]:
    """All texts of each question: what the plain way looks through."""
    texts = material.texts
    if texts is None:
        return []
    found = []
    for place, name in enumerate(texts.references.ids):
        said = [run.answers[place] or "" for run in material.runs if run.answers is not None]
        own = texts.references
        found.append([name, own.questions[place] or "", *own.answers[place], *said, *texts.passages[place]])
    return found


def filters(page: Page, texts: Sequence[Sequence[str]]) -> float:
    """Print what each takes; the longest, in milliseconds."""
    print_row(["filter", "ms", "plain ms", "plain / ours", "found"])
    longest = 0.0
    for name, value in CHOICES:
        if page.query_selector(f"#{name} option[value={value}]") is None:
            continue
        page.select_option(f"#{name}", value)
        longest = max(longest, row(page, f"{name} {value}", None))
    for words in SEARCHES:
        page.fill("#search", words)
        longest = max(longest, row(page, f'search "{words}"', page.evaluate(PLAIN, [texts, words]) if texts else None))
    return longest


def row(page: Page, name: str, plain: Any) -> float:
    """Print one; its milliseconds."""
    taken = float(page.get_attribute("#count", "data-milliseconds") or "nan")
    found = (page.text_content("#count") or "").split()[0]
    cells = [name, f"{taken:.1f}", "", "", found]
    if plain is not None:
        cells[2:4] = [f"{plain[0]:.1f}", f"{plain[0] / max(taken, 0.05):.1f}"]
        if f"{plain[1]:,}" != found:
            raise SystemExit(f"error: {name} finds {found}, and {plain[1]:,} in the plain way")
    print_row(cells)
    return taken


def print_row(cells: Sequence[str]) -> None:
    """One line of the table."""
    print(f"{cells[0]:<30}" + "".join(f"{cell:>14}" for cell in cells[1:]))


if __name__ == "__main__":
    main()
