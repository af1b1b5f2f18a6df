"""Table 2 with our rows: seeds grouped, paired tests, protocols apart, the paper's rows as printed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from made_poems import made_poem_result

from ham_mrc.cli.drawing import to_text
from ham_mrc.errors import HamError
from ham_mrc.eval.poem_compare import compare_poems, comparison_document
from ham_mrc.eval.poem_comparison_tables import comparison_tables
from ham_mrc.eval.poem_published import TABLE_2
from ham_mrc.eval.quatrains import PROTOCOLS
from ham_mrc.eval.significance import holm
from ham_mrc.tables import to_markdown

BASE = (3, 4) * 10
BETTER = (4, 5) * 10
HAM = {"system": "ppg", "preset": "small", "attention": "ham", "depth": 10}


def seeds() -> list[Any]:
    """A baseline, and one system from two seeds."""
    return [
        made_poem_result("smt", BASE, run={"system": "smt"}, system="smt", uses_keywords=False),
        made_poem_result("ham-1", BETTER, run={**HAM, "seed": 1}, trained={"epochs": 3}),
        made_poem_result("ham-2", (5, 5) * 10, run={**HAM, "seed": 2}, trained={"epochs": 4}),
    ]


def figure(hits: int, length: int) -> float:
    return 100 * math.sqrt(hits / length * (hits - 1) / (length - 1))


def test_seeds_are_one_row_of_means_and_spreads() -> None:
    table = compare_poems(seeds(), resamples=200).tables[0]
    smt, ham = table.rows
    assert ham.row.results == ("ham-1", "ham-2")
    values = [figure(4, 5), figure(5, 5)]
    assert ham.figures["b2_5"] == pytest.approx(sum(values) / 2)
    assert ham.row.metrics["bleu_5"] == pytest.approx(sum(values) / 2)
    assert ham.row.spreads["bleu_5"] == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))
    assert ham.row.spreads["bleu_7"] == pytest.approx(0.0)
    assert (smt.row.differences, ham.epochs) == ({}, (3, 4))
    assert ham.row.differences["bleu_7"].value == pytest.approx(figure(5, 7) - figure(4, 7))


def test_paired_tests_over_poems() -> None:
    """Ten poems a length, each better by the same: swaps of the ten of one length are 1 024, two as far from 0."""
    found = compare_poems(seeds()[:2], resamples=1 << 10)
    difference = found.tables[0].rows[1].row.differences["bleu_7"]
    assert difference.p == pytest.approx(2 / 2**10)
    assert difference.significant
    assert found.tables[0].comparison.correction is None
    low, high = found.tables[0].rows[0].row.intervals["bleu_5"]
    assert low == pytest.approx(figure(3, 5))
    assert high == pytest.approx(figure(3, 5))


def test_more_rows_are_corrected_together() -> None:
    results = [*seeds()[:2], made_poem_result("ppg", (*BASE[:-1], 5), run={"system": "ppg", "attention": "additive"})]
    rows = compare_poems(results, resamples=500).tables[0].rows
    raw = [row.row.differences["bleu_7"].p for row in rows[1:]]
    assert [row.row.differences["bleu_7"].p_corrected for row in rows[1:]] == holm(raw)
    assert raw[1] == 1.0
    plain = compare_poems(results, resamples=500, correction=False).tables[0].rows
    assert [row.row.differences["bleu_7"].p_corrected for row in plain[1:]] == raw


def test_protocols_have_tables_of_their_own() -> None:
    """Leaked keywords are never set against a system that takes none."""
    smt, *networks = seeds()
    leaked = made_poem_result("ham-1", BETTER, run={**HAM, "seed": 1}, protocols=PROTOCOLS)
    tables = compare_poems([smt, leaked, networks[1]], resamples=100).tables
    assert [table.protocol.key for table in tables] == [
        "multi-planned",
        "single-planned",
        "multi-oracle",
        "single-oracle",
    ]
    assert [len(table.rows) for table in tables] == [2, 2, 1, 1]
    assert [row.row.results for row in tables[2].rows] == [("ham-1",)]
    assert tables[2].signature == "bleu2|corpus|refs=multi-tang-theme|keywords=oracle|split=random|v1"
    assert [len(table.published) for table in tables] == [6, 0, 0, 0]
    assert [len(table.human) for table in tables] == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"found": BASE[:10]},
            "other/poems.json: was scored on 10 poems, smt/poems.json on 20; evaluate both with the same --limit, or "
            "with none",
        ),
        (
            {"split": "balanced"},
            "other/poems.json: was scored on a split of another kind (balanced) than smt/poems.json (random); evaluate "
            "both on one prepared folder",
        ),
        (
            {"protocols": PROTOCOLS[1:2]},
            "other/poems.json: has no figures by bleu2|corpus|refs=multi-tang-theme|keywords=planned|split=random|v1, "
            "smt/poems.json has; unlike signatures are not compared: ham-mrc poem eval other --references both",
        ),
        (
            {"file": "smt/poems.json"},
            "smt/poems.json: is given twice; name each result once",
        ),
    ],
)
def test_unlike_results_are_refused(changes: dict[str, Any], message: str) -> None:
    other = made_poem_result("other", **{"found": BASE, **changes})
    with pytest.raises(HamError) as caught:
        compare_poems([seeds()[0], other])
    assert str(caught.value) == message


def test_nothing_and_a_wrong_number() -> None:
    with pytest.raises(HamError, match="nothing to compare; give at least one run that"):
        compare_poems([])
    with pytest.raises(HamError, match="there is no result number 2; they count from 0 to 1"):
        compare_poems(seeds()[:2], baseline_index=2)


def test_published_rows_are_the_papers() -> None:
    """Cells of its Table 2, and a mean that its own cells do not give."""
    rows = {(row.name, row.depth): row.metrics for row in TABLE_2}
    assert rows["SMT", None]["b1_5"] == 5.6
    assert rows["RNNPG", None]["b2_7"] == 21.0
    assert rows["PPG", None]["b3_7"] == 19.8
    assert rows["Ham", 20]["bleu_7"] == 24.6
    for key, row in rows.items():
        for length in (5, 7):
            mean = sum(row[f"b{step}_{length}"] for step in (1, 2, 3)) / 3
            # Printed to one decimal of a percent, so off by at most 0.1 but for that one cell.
            assert (abs(mean - row[f"bleu_{length}"]) > 0.11) == ((key, length) == (("Ham", 10), 7)), (key, length)


def test_the_table() -> None:
    text = to_markdown(comparison_tables(compare_poems(seeds(), resamples=100))[0])
    lines = text.splitlines()
    assert lines[0] == (
        "**Table 2: multiple references, planned keywords; test poems: 10 of 5 characters a line, 10 of 7 characters a "
        "line**"
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    headers, smt, ham, human, paper = rows[0], rows[2], rows[3], rows[4], rows[5]
    at = headers.index("BLEU 7")
    assert smt[:5] == ["a", "smt", "smt", "", "1"]
    assert ham[:5] == ["b", "ham-1 and 1 more", "ppg, ham 10, small", "3 to 4", "2"]
    assert (smt[at], ham[at]) == ("53.45", "**69.01**<sup>a</sup>")  # the roots of 4/7 * 3/6 and 5/7 * 4/6
    assert (human[1], human[2], human[at], human[at + 1]) == ("random human line", "", "4.50", "4.00 to 5.00")
    assert (paper[1], paper[2], paper[at]) == ("paper: SMT", "published, other data", "15.00")
    assert len(rows) == 2 + 2 + 1 + 6
    assert any("never tested against ours" in line for line in lines)
    assert (
        "p is how often a difference at least this large would come up if the two rows were equally good on poems"
        in text
    )
    assert f"signature: {PROTOCOLS[0].signature('random')}" in text.replace("\\|", "|")


def test_notes_say_of_which_lines_and_draws_the_rows_are_that_no_system_wrote() -> None:
    """Two lines of 5 were scored of three times ten, and of 7 none."""
    draws = {"resamples": 1000, "seed": 7}
    results = [replace(one, draws=draws) for one in seeds()]
    notes = comparison_tables(compare_poems(results, resamples=100))[0].notes
    assert (
        "random human line: on the 2 of 30 lines of 5 and 0 of 30 lines of 7 that have other references, where every "
        "row has more to match."
    ) in notes
    assert "The rows that no system wrote are as evaluation stored them: 1,000 resamples, seed 7." in notes
    same = comparison_tables(compare_poems(results, resamples=1000, seed=7))[0].notes
    assert not any("as evaluation stored them" in note for note in same)


def test_p_over_seeds_stands_beside_that_over_poems() -> None:
    """Two seeds that both gain: both signs of four are as far out."""
    one = [made_poem_result(f"dot-{seed}", BASE, run={**HAM, "depth": 1, "seed": seed}) for seed in (1, 2)]
    other = [made_poem_result(f"ham-{seed}", BETTER, run={**HAM, "seed": seed}) for seed in (1, 2)]
    differences = comparison_tables(compare_poems([*one, *other], resamples=100))[1]
    at = [column.header for column in differences.columns].index("p over seeds")
    assert [row[at].text for row in differences.rows] == ["0.5000", "0.5000"]
    assert any(note.startswith("p over seeds: ") for note in differences.notes)


def test_the_papers_rows_are_grey_and_ours_are_not() -> None:
    table = comparison_tables(compare_poems(seeds(), resamples=100))[0]
    grey = [row[1].text for row in table.rows if row[1].faint]
    assert grey == ["paper: SMT", "paper: RNNPG", "paper: PPG", "paper: Ham 5", "paper: Ham 10", "paper: Ham 20"]
    at = [column.header for column in table.columns].index("BLEU 7")
    assert [row[at].faint for row in table.rows] == [False] * 3 + [True] * 6
    drawn = to_text(table, color=True).splitlines()
    assert all("\x1b[2mpaper: " in line for line in drawn if "published, other data" in line)
    assert not any("\x1b[2m" in line for line in drawn if "ppg, ham 10" in line)


def test_the_document() -> None:
    document = comparison_document(compare_poems(seeds(), resamples=100, paper=False))
    assert (document["schema"], document["part"], document["poems"]) == (1, "test", {"5": 10, "7": 10})
    first = document["tables"][0]
    assert (first["protocol"], first["baseline"], first["published"]) == ("multi-planned", "smt", ())
    assert first["rows"][1]["figures"]["b1_5"] == pytest.approx((figure(4, 5) + 100) / 2)
    assert first["human"] == [
        {
            "name": "random human line",
            "lines": {"b1_5": 2},
            "figures": {"bleu_7": 4.5},
            "intervals": {"bleu_7": (4.0, 5.0)},
        }
    ]
    assert first["human_bootstrap"] == {}
    assert len(document["notes"]) == 1
