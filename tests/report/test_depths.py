"""Depths on the page: each reader against its own shallowest depth, and nothing where runs are no such grid."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import gold_of, many_questions, mostly_right, write_data, write_run, write_runs

from ham_mrc.eval.results import load_result
from ham_mrc.files import read_jsonl, write_jsonl
from ham_mrc.report.curves import level_sites
from ham_mrc.report.depths import depth_tests
from ham_mrc.report.gather import Material, gather
from ham_mrc.report.page import render

READERS = ("match-lstm", "bidaf")


def two_readers(folder: Path) -> list[Path]:
    """Match-LSTM answers some 30 of 100 right, BiDAF some 90; a depth changes little."""
    document = many_questions(60, passage_words=40)
    data, gold = write_data(folder / "data", document), gold_of(document)
    return [
        write_run(folder / f"{reader}-{depth}-{seed}", data, answers, depth=depth, seed=seed, reader=reader)
        for reader, share in zip(READERS, (0.3, 0.9), strict=True)
        for depth in (1, 5)
        for seed in (13, 14)
        for answers in [mostly_right(gold, share, 100 * depth + seed)]
    ]


def material(paths: list[Path]) -> Material:
    return gather(paths, resamples=200)


def test_each_reader_is_held_against_itself(tmp_path: Path) -> None:
    paths = two_readers(tmp_path)
    found = depth_tests(material(paths))
    assert found is not None
    main = found.tables[0]
    rows = [[cell.text for cell in row] for row in main.rows]
    assert [row[:3] for row in rows] == [[reader, depth, "2"] for reader in READERS for depth in ("1", "5")]
    for reader, row in zip(READERS, rows[1::2], strict=True):
        means = {
            depth: sum(
                load_result(tmp_path / f"{reader}-{depth}-{seed}").scores.metrics["exact_match"] for seed in (13, 14)
            )
            / 2
            for depth in (1, 5)
        }
        assert row[3].startswith(f"{means[5]:.2f} ±")
        assert row[4].startswith(f"{means[5] - means[1]:+.2f} (")
    assert [text.split(",")[0] for text in found.verdicts] == ["match-lstm", "match-lstm", "bidaf", "bidaf"]


def test_the_page_says_so_below_the_curve(tmp_path: Path) -> None:
    page = render(material(two_readers(tmp_path)))
    depth = page[page.index('<section id="depth"') : page.index('<section id="levels"')]
    assert "<li>bidaf, EM, depths against depth 1: " in depth
    assert "difference to depth 1, seed by seed" in depth


def test_what_is_zero_is_drawn_but_for_the_spread_of_one_query(tmp_path: Path) -> None:
    """A hard choice of one key that never changes: entropy and change are 0, and that is what the page has to show."""
    (run,) = write_runs(tmp_path, many_questions(10), (5,))
    log = [entry for _, entry in read_jsonl(run / "log.jsonl")]
    for entry in log:
        for place, level in enumerate(entry["levels"]["match"]):
            level.update(change=0.0 if place else None, entropy=0.0, spread=0.0)
    write_jsonl(run / "log.jsonl", log)
    (site,) = level_sites(material([run]))
    titles = [chart.title for chart in site.panels.charts]
    assert titles == ["Level weights", "Change from the level before", "Entropy of the attention"]


@pytest.mark.parametrize("case", ["one depth", "no common depth", "two settings"])
def test_runs_that_are_no_grid_have_none(tmp_path: Path, case: str) -> None:
    document = many_questions(20)
    if case == "one depth":
        paths = write_runs(tmp_path, document, (1,), (13, 14))
    else:
        data, answers = write_data(tmp_path / "data", document), gold_of(document)
        readers = READERS if case == "no common depth" else ("bidaf", "bidaf")
        depths = ((1, 5), (2, 5)) if case == "no common depth" else ((1, 5), (1, 5))
        paths = [
            write_run(tmp_path / f"{place}-{depth}", data, answers, depth=depth, reader=reader)
            for place, (reader, own) in enumerate(zip(readers, depths, strict=True))
            for depth in own
        ]
    assert depth_tests(material(paths)) is None
