"""Tables of comparisons and breakdowns: what stands where, to the letter."""

from __future__ import annotations

from made_results import made_result

from ham_mrc.eval.breakdown import Breakdown, Bucket
from ham_mrc.eval.compare import compare
from ham_mrc.eval.comparison import P_VALUE_NOTE
from ham_mrc.eval.comparison_tables import comparison_tables, letter
from ham_mrc.eval.datasets import metrics_of
from ham_mrc.eval.published import PUBLISHED_NOTE
from ham_mrc.eval.squad import SIGNATURE
from ham_mrc.eval.tables import breakdown_table
from ham_mrc.tables import Table, to_csv

A = [100, 0, 50, 0] * 25
B = [100, 100, 50, 0] * 25
KNOWN = metrics_of("squad", "1.1")
RUN = {"reader": "match-lstm", "depth": 5}


def cells(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_two_systems() -> None:
    systems, differences = comparison_tables(compare([made_result("a", A), made_result("b", B, {**RUN, "seed": 1})]))
    assert systems.title == "squad 1.1, 100 questions"
    assert to_csv(systems) == (
        ",name,reader,depth,EM,EM 95% interval,EM difference,EM p,F1,F1 95% interval,F1 difference,F1 p\n"
        "a,a,,,25.00,17.00 to 34.00,,,37.50,29.50 to 46.00,,\n"
        "b,b,match-lstm,5,50.00,40.00 to 60.00,+25.00,<0.0001,62.50,54.50 to 70.50,+25.00,<0.0001\n"
    )
    best = [(cell.best, cell.mark) for cell in systems.rows[1]]
    assert best[4] == best[8] == (True, "a")
    assert [cell.best for cell in systems.rows[0]] == [False] * 12
    assert [column.align for column in systems.columns] == ["left"] * 3 + ["right"] * 9
    assert systems.notes == (
        "Differences are to row a. p: paired approximate randomisation over questions, 10,000 resamples, seed 13.",
        "Raised a: differs from row a with p < 0.05.",
        P_VALUE_NOTE,
        # The 100 differences are 0 and 25 times 100: sd 43.52; times 2.8016 and over 10.
        "True differences from about 12.19 points of EM, 12.19 points of F1 up would show on these questions "
        "(80% power, uncorrected).",
        f"signature: {SIGNATURE}",
    )
    assert differences.title == "differences to row a"
    assert to_csv(differences) == (
        ",name,metric,difference,95% interval,p,wins,ties,losses\n"
        "b,b,EM,+25.00,17.00 to 34.00,<0.0001,25,75,0\n"
        "b,b,F1,+25.00,17.00 to 34.00,<0.0001,25,75,0\n"
    )


def test_only_significant_differences_are_marked() -> None:
    nearly = [100, *A[1:-1], 100]  # one question more than A
    systems, _ = comparison_tables(compare([made_result("a", A), made_result("b", nearly)]))
    assert [(row[4].text, row[4].best, row[4].mark) for row in systems.rows] == [
        ("25.00", False, ""),
        ("26.00", True, ""),
    ]
    headers = [column.header for column in systems.columns]
    assert systems.rows[1][headers.index("EM p")].text == "1.0000"


def test_seeds_correction_and_published_rows() -> None:
    results = [made_result("a", A), made_result("b1", B, {**RUN, "seed": 1}), made_result("b2", A, {**RUN, "seed": 2})]
    systems, differences = comparison_tables(compare([*results, made_result("c", B)], baseline_index=3, paper=True))
    headers = [column.header for column in systems.columns]
    assert headers[:7] == ["", "name", "reader", "depth", "seeds", "EM", "EM sd"]
    rows = cells(systems)
    assert rows[0][:7] == ["a", "a", "", "", "1", "25.00", ""]
    assert rows[1][:7] == ["b", "b1 and 1 more", "match-lstm", "5", "2", "37.50", "17.68"]
    assert rows[1][headers.index("EM difference")] == "-12.50"
    assert rows[2][headers.index("EM difference")] == ""
    assert rows[3] == ["", "published, other data", "match-lstm", "none", "", "54.29", *[""] * 4, "66.87", *[""] * 4]
    assert [row[3] for row in rows[3:]] == ["none", "2", "5", "10", "20"]
    assert not any(cell.best or cell.mark for row in systems.rows[3:] for cell in row)
    assert systems.notes[0].endswith(", seed 13, Holm-corrected over the rows.")
    assert any(note.startswith("Results that differ only by seed are one row") for note in systems.notes)
    assert PUBLISHED_NOTE in systems.notes
    assert [column.header for column in differences.columns][5:7] == ["p", "p corrected"]


def test_a_lone_system_has_no_differences() -> None:
    (systems,) = comparison_tables(compare([made_result("a", A)]))
    assert [column.header for column in systems.columns] == [
        *("", "name", "reader", "depth", "EM", "EM 95% interval", "F1", "F1 95% interval")
    ]
    assert systems.notes == (f"signature: {SIGNATURE}",)


def test_breakdown() -> None:
    big = Bucket("who", 1200, {"exact_match": 50.0, "f1": 61.239}, {"exact_match": (48.0, 52.0), "f1": (59.5, 63.0)})
    small = Bucket("why", 29, {"exact_match": 20.0, "f1": 30.0}, {"exact_match": (5.0, 35.0), "f1": (15.0, 44.0)})
    table = breakdown_table(Breakdown("question-type", (big, small)), KNOWN)
    assert to_csv(table) == (
        "question type,questions,EM,EM 95% interval,F1,F1 95% interval\n"
        'who,"1,200",50.00,48.00 to 52.00,61.24,59.50 to 63.00\n'
        "why,29,20.00,5.00 to 35.00,30.00,15.00 to 44.00\n"
    )
    assert [row[0].mark for row in table.rows] == ["", "s"]
    assert table.notes == ("s: fewer than 30 questions, figures there move by chance",)
    assert breakdown_table(Breakdown("question-type", (big,)), KNOWN).notes == ()


def test_letters() -> None:
    assert [letter(place) for place in (0, 25, 26, 52)] == ["a", "z", "a2", "a3"]
