"""Tables in text, drawn into a string: widths, marks, colours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.cli.drawing import to_text
from ham_mrc.cli.pictures import to_html, to_svg
from ham_mrc.tables import Cell, make_table

COMPARISON = make_table(
    ("run", "depth", "exact match", "p"),
    [
        ("runs/squad depth one", "1", "67.63", "–"),
        ("中文 [red]x", "20", Cell("8.10", best=True, mark="ab"), "0.012"),
    ],
    right=("depth", "exact match", "p"),
    title="SQuAD 1.1",
    notes=("a, b: better than that run",),
)


def test_off_a_terminal_a_table_is_as_wide_as_it_needs() -> None:
    assert to_text(COMPARISON) == (
        "SQuAD 1.1\n"
        "run                    depth   exact match       p\n"
        "──────────────────────────────────────────────────\n"
        "runs/squad depth one       1      67.63          –\n"
        "中文 [red]x               20       8.10*ᵃᵇ   0.012\n"
        "a, b: better than that run\n"
        "* best in its column\n"
    )


def test_a_narrow_terminal_breaks_long_words_and_never_numbers() -> None:
    table = make_table(("run", "n"), [("runs/english/match-lstm of two", "1,234,567"), ("中文 b", "8")], right=("n",))
    assert to_text(table, width=24) == (
        "run                    n\n"
        "────────────────────────\n"
        "runs/english   1,234,567\n"
        "/match-lstm\n"
        "of two\n"
        "中文 b                 8\n"
    )


def test_more_numbers_than_fit_stand_below_one_another() -> None:
    """Each piece begins with the columns of words; nothing is wider than the terminal but what stands alone."""
    assert to_text(COMPARISON, width=27) == (
        "SQuAD 1.1\n"
        "run                   depth\n"
        "───────────────────────────\n"
        "runs/squad depth          1\n"
        "one\n"
        "中文 [red]x              20\n"
        "\n"
        "run             exact match\n"
        "───────────────────────────\n"
        "runs/squad         67.63\n"
        "depth one\n"
        "中文 [red]x         8.10*ᵃᵇ\n"
        "\n"
        "run                       p\n"
        "───────────────────────────\n"
        "runs/squad depth          –\n"
        "one\n"
        "中文 [red]x           0.012\n"
        "a, b: better than that run\n"
        "* best in its column\n"
    )


def test_no_number_is_lost_in_pieces() -> None:
    headers = [f"m{i}" for i in range(30)]
    rows = [[f"run {row}", *(f"{row}{i:02}.00" for i in range(30))] for row in range(3)]
    text = to_text(make_table(["run", *headers], rows, right=headers), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert [text.split().count(f"{row}{i:02}.00") for row in range(3) for i in range(30)] == [1] * 90
    assert all(f"m{i}" in text.split() for i in range(30))


def test_a_hundred_columns_are_not_cut_at_eighty() -> None:
    headers = [f"metric number {i}" for i in range(20)]
    text = to_text(make_table(headers, [["1.00"] * 20], right=headers))
    assert text.splitlines()[0] == "   ".join(headers)


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in to_text(COMPARISON)
    colored = to_text(COMPARISON, color=True)
    assert "\x1b[1m8.10*ᵃᵇ\x1b[0m" in colored.replace(" ", "")
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored).replace(" ", "") == to_text(COMPARISON).replace(" ", "")


def test_escape_sequences_in_a_prediction_do_not_reach_the_terminal() -> None:
    assert to_text(make_table(("answer",), [("\x1b]0;title\x07",)])).splitlines()[-1] == "\ufffd]0;title\ufffd"


def test_an_empty_table_is_its_header() -> None:
    assert to_text(make_table(("a", "b"), [])) == "a   b\n─────\n"


@given(st.integers(1, 60), st.lists(st.text("ab 中", max_size=30), min_size=1, max_size=4))
def test_every_character_survives_every_width(width: int, texts: list[str]) -> None:
    text = to_text(make_table(("h",), [(one,) for one in texts]), width=width)
    for character in "ab中":
        assert text.count(character) == sum(one.count(character) for one in texts)


def test_pictures_hold_the_figures_and_fetch_nothing() -> None:
    svg, html = to_svg([COMPARISON]), to_html([COMPARISON, COMPARISON])
    assert "67.63" in svg
    assert "font-weight: bold" in svg
    assert "font-weight: bold" in html
    assert html.count("67.63") == 2
    addresses = re.findall(r"https?://[^\s\"'<>)]+", svg + html)
    assert set(addresses) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}  # a name and a comment
    assert "url(http" not in svg


def test_pictures_do_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = to_svg([COMPARISON])
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "20")
    assert to_svg([COMPARISON]) == plain
