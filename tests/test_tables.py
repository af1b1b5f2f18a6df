"""Renderings of a table against texts written by hand, and the laws that hold for any text in a cell."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.tables import Cell, Column, Table, make_table, printable, to_csv, to_latex, to_markdown

COMPARISON = make_table(
    ("run", "depth", "EM"),
    [
        ("first", "1", "67.63"),
        ("second", "5", Cell("68.10", best=True, mark="a")),
    ],
    right=("depth", "EM"),
    title="SQuAD 1.1",
    notes=("a: better than the first",),
)


def one_cell(text: str, **kind: object) -> Table:
    return Table((Column("h"),), ((Cell(text, **kind),),))  # type: ignore[arg-type]


def test_markdown_aligns_numbers_and_marks_the_best() -> None:
    assert to_markdown(COMPARISON) == (
        "**SQuAD 1.1**\n"
        "\n"
        "| run | depth | EM |\n"
        "| --- | ---: | ---: |\n"
        "| first | 1 | 67.63 |\n"
        "| second | 5 | **68.10**<sup>a</sup> |\n"
        "\n"
        "a: better than the first\n"
    )


def test_latex_is_a_booktabs_table() -> None:
    assert to_latex(COMPARISON) == (
        "\\begin{table}\n"
        "\\centering\n"
        "\\caption{SQuAD 1.1}\n"
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "run & depth & EM \\\\\n"
        "\\midrule\n"
        "first & 1 & 67.63 \\\\\n"
        "second & 5 & \\textbf{68.10}\\textsuperscript{a} \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par{\\footnotesize a: better than the first}\n"
        "\\end{table}\n"
    )


def test_csv_holds_bare_texts() -> None:
    assert to_csv(COMPARISON) == "run,depth,EM\nfirst,1,67.63\nsecond,5,68.10\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("*bold* and `code`", r"\*bold\* and \`code\`"),
        ("exact_match", "exact_match"),
        ("_emphasis_", r"\_emphasis\_"),
        ("[x](y)", r"\[x\](y)"),
        ("<script>", r"\<script>"),
        ("R&D &lt;", "R&amp;D &amp;lt;"),
        ("back\\slash", r"back\\slash"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_escapes(text: str, expected: str) -> None:
    assert to_markdown(one_cell(text)).splitlines()[-1] == f"| {expected} |"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R&D 5% a_b #1 $2", r"R\&D 5\% a\_b \#1 \$2"),
        ("{x}", r"\{x\}"),
        ("~^\\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("[0.1]", "{[}0.1]"),
        ("*", "{*}"),
        ("67.6 ± 0.3", r"67.6 $\pm$ 0.3"),
        ("p < 0.05", r"p \textless{} 0.05"),
        ("−1.2", "$-$1.2"),
    ],
)
def test_latex_escapes(text: str, expected: str) -> None:
    assert to_latex(one_cell(text)).splitlines()[6] == f"{expected} \\\\"


def test_csv_quotes_what_would_be_taken_apart() -> None:
    assert to_csv(one_cell('a,"b"')) == 'h\n"a,""b"""\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\tc", "a b c"),
        ("red \x1b[31m", "red \ufffd[31m"),
        ("half \ud800", "half \ufffd"),
        ("\u2028line", "line"),
    ],
)
def test_printable_is_safe_for_a_terminal(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_row_with_a_cell_too_few_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="1 cells for 2 columns"):
        make_table(("a", "b"), [("1",)])


any_text = st.text(st.characters(exclude_categories=()))


@given(any_text)
def test_printable_is_one_line_and_settled(text: str) -> None:
    once = printable(text)
    assert len(once.splitlines()) <= 1
    assert printable(once) == once


@given(st.lists(st.lists(any_text, min_size=3, max_size=3), max_size=5))
def test_csv_reads_back(rows: list[list[str]]) -> None:
    table = make_table(("a", "b", "c"), rows)
    text = to_csv(table)
    assert len(text.splitlines()) == 1 + len(rows)
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b", "c"],
        *([printable(cell) for cell in row] for row in rows),
    ]


@given(any_text, st.booleans(), any_text)
def test_markdown_keeps_its_columns_whatever_stands_in_them(text: str, best: bool, mark: str) -> None:
    table = Table((Column("a"), Column("b")), ((Cell(text, best, mark), Cell("x")),))
    row = to_markdown(table).splitlines()[2]
    unescaped = re.sub(r"\\.", "", row)
    assert unescaped.count("|") == 3


@given(any_text)
def test_latex_keeps_its_columns_whatever_stands_in_them(text: str) -> None:
    row = to_latex(make_table(("a", "b"), [(text, "x")])).splitlines()[6]
    assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert not re.search(r"(?<!\\)%", row)
