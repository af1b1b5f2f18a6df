"""`ham-mrc poem check` as people meet it: famous poems, verdicts for CI, and no model anywhere."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest

from ham_mrc.cli.main import run
from ham_mrc.quatrains import form

HERON = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
MOON = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"


def checked(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert run(["poem", "check", *arguments, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_heron_tower_fits_pattern_1(capsys: pytest.CaptureFixture[str]) -> None:
    found = checked(capsys, HERON, "--tones", "--rhyme", "--repeats", "--acrostic", "白黄欲更")
    assert found["schema"] == 1
    assert found["lines"] == ["白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"]
    sounds = found["form"]
    assert (sounds["pattern"], sounds["tone_faults"]) == (1, [])
    assert sounds["pattern_lines"] == ["*ZPPZ", "PPZZP", "*PPZZ", "*ZZPP"]
    assert sounds["rhyme"] == {"lines": [2, 4], "group": "下平十一尤", "faults": [], "not_in_the_book": []}
    assert [one["passed"] for one in found["checks"]] == [True] * 4


def test_quiet_night_fits_none_and_fails_where_that_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, MOON)["form"]["pattern"] == 3
    found = checked(capsys, MOON, "--tones", "--rhyme", "--repeats", "--acrostic", "床疑举头", code=1)
    assert [(one["rule"], one["passed"]) for one in found["checks"]] == [
        ("tones", False),
        ("rhyme", True),
        ("repeats", False),
        ("acrostic", False),
    ]
    assert found["checks"][0]["message"] == "tones: no pattern fits: 3, the nearest, with 3 faults"


def test_what_people_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "check", MOON]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "line         tones",
        "─────────────────────────",
        "床前明月光   平平平仄[平]",
        "疑是地上霜   平仄仄[仄]平",
        "举头望明月   仄[平]中平仄",
        "低头思故乡   平平中仄中",
        "pattern 3 is nearest, with 3 faults of tone in brackets",
        "rhyme: 霜 乡 (平水韵 阳)",
        "明 月 头 return too often: in lines of 5 one character may, and none more than 2 times",
    ]


@pytest.mark.parametrize(
    ("ends", "remark"),
    [
        ("间寒", "no rhyme: 间 and 寒 are neighbours in 平水韵 (删, 寒), not the same group"),
        ("流霜", "no rhyme: 流 and 霜 are of different groups in 平水韵 (尤, 阳)"),
        ("流月", "no rhyme: 月 (line 4) is no level character"),
        ("月目", "no rhyme: 月 目 are no level characters"),
    ],
)
def test_why_lines_do_not_rhyme(ends: str, remark: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "check", f"白日依山尽 黄河入海{ends[0]} 欲穷千里目 更上一层{ends[1]}"]) == 0
    assert remark in capsys.readouterr().out.splitlines()


def test_the_verdict_and_the_sheet_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a fault of tone the poem has a pattern, 2, and that asks the first line to rhyme."""
    poem = "三十二春春，黄河入海流，欲穷千里目，更上一层楼"
    assert run(["poem", "check", poem, "--rhyme"]) == 1
    out = capsys.readouterr().out
    assert "no rhyme: 流 楼 and 春 are of different groups in 平水韵 (尤, 真)" in out
    assert "FAILED: rhyme: lines 1, 2, 4 do not share a level rhyme group" in out
    found = checked(capsys, poem, "--tones", "--rhyme", code=1)
    assert [one["passed"] for one in found["checks"]] == [True, False]


def test_a_poem_without_a_pattern_rhymes_in_lines_2_and_4(capsys: pytest.CaptureFixture[str]) -> None:
    poem = "窗前独坐月无声，白日依山入海流。欲穷千里青山目，更上高城第一楼"
    assert run(["poem", "check", poem, "--rhyme"]) == 0
    out = capsys.readouterr().out
    assert "rhyme: 流 楼 (平水韵 尤)" in out.splitlines()
    assert "passed: rhyme: as asked" in out
    rhyming = poem.replace("声", "秋")  # who does rhyme is counted in, asked or not
    assert checked(capsys, rhyming, "--rhyme")["form"]["rhyme"]["lines"] == [1, 2, 4]


@pytest.mark.parametrize(
    ("ends", "remark", "verdict"),
    [
        (
            "心龘",
            "rhyme: 心 (平水韵 侵), as far as the book tells: 龘 is not in it",
            "passed: rhyme: as asked, as far as the book tells: 龘 is not in it",
        ),
        (
            "龘饕",
            "the book tells nothing of the rhyme: 龘 饕 are not in it",
            "passed: rhyme: as asked, as far as the book tells: 龘 饕 are not in it",
        ),
        (
            "月龘",
            "no rhyme: 月 is no level character",
            "FAILED: rhyme: lines 2, 4 do not share a level rhyme group",
        ),
    ],
)
def test_no_group_is_claimed_for_a_character_that_is_not_in_the_book(
    ends: str, remark: str, verdict: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    book = form.open_book()
    lacking = {one: groups for one, groups in book.readings.items() if one not in "龘饕"}
    monkeypatch.setattr(form, "open_book", lambda: form.RhymeBook(lacking))
    poem = f"白日依山尽 黄河入海{ends[0]} 欲穷千里目 更上一层{ends[1]}"
    run(["poem", "check", poem, "--rhyme"])
    out = capsys.readouterr().out.splitlines()
    assert remark in out
    assert verdict in out
    run(["poem", "check", poem, "--json"])
    expected = [number for number, end in zip((2, 4), ends, strict=True) if end in "龘饕"]
    assert json.loads(capsys.readouterr().out)["form"]["rhyme"]["not_in_the_book"] == expected


def test_tones_are_as_asked_as_far_as_the_book_tells(capsys: pytest.CaptureFixture[str]) -> None:
    found = checked(capsys, HERON.replace("穷", "龘"), "--tones")
    assert found["checks"][0]["message"] == "tones: as asked, as far as the book tells: 龘 is not in it"


def test_traditional_characters_are_looked_up_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    found = checked(capsys, "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。")
    assert (found["form"]["pattern"], found["form"]["tone_faults"], found["form"]["not_in_the_book"]) == (1, [], [])


def test_downwards(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "check", HERON, "--vertical", "--format", "csv"]) == 0
    assert capsys.readouterr().out.endswith(
        "4,3,2,1\n更,欲,黄,白\n上,穷,河,日\n一,千,入,依\n层,里,海,山\n楼,目,流,尽\n"
    )


def test_verdicts_for_ci(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "check", MOON, "--tones", "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error title=tones::tones: no pattern fits")


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(HERON + "\n"))
    assert checked(capsys, "-")["form"]["pattern"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["moonlight"], "error: the poem: holds 'moonlight'; give it in Chinese characters"),
        ([HERON[:12]], "error: the poem: has 2 lines; a quatrain has four"),
        (
            [HERON.replace("黄河", "长长黄河")],
            "error: line 2 (长长黄河入海流): has 7 characters and line 1 has 5; all four have the same",
        ),
        ([HERON.replace("黄", "")], "error: line 2 (河入海流): has 4 characters; a line has 5 or 7"),
        ([HERON, "--acrostic", "白黄欲"], "error: --acrostic: has 3 characters; a quatrain has four lines; give four"),
    ],
)
def test_what_is_no_quatrain(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "check", *arguments]) == 2
    assert capsys.readouterr().err.splitlines() == [message]


def test_without_the_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    form.open_book.cache_clear()
    monkeypatch.setattr(form, "find_spec", lambda name: None)
    assert run(["poem", "check", MOON]) == 0
    printed = capsys.readouterr()
    assert printed.err == ("tones and rhyme are not looked up: pip install 'ham-mrc[tones]' brings the rhyme book\n")
    assert "明 月 头 return too often" in printed.out
    assert "平" not in printed.out
    assert run(["poem", "check", MOON, "--tones"]) == 2
    assert capsys.readouterr().err.endswith("run: pip install 'ham-mrc[tones]'\n")


def test_neither_torch_nor_numpy_is_imported() -> None:
    code = (
        "import sys; from ham_mrc.cli.main import run; "
        f"run(['poem', 'check', {HERON!r}, '--quiet']); "
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
