"""`ham-mrc poem generate` as people meet it: poems that obey, from every system, and one line for each fault."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from poem_builders import nonsense, prepared
from tiny_poems import tiny_poems

from ham_mrc.cli.main import run
from ham_mrc.quatrains import form
from ham_mrc.quatrains.examine import broken_rules
from ham_mrc.quatrains.form import open_book
from ham_mrc.training.poem_training import train_poems

SYSTEMS = ("ppg", "rnnpg", "smt")
THEME = "春风秋雨"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("generate")
    folder = prepared(place, nonsense(200))
    for name in SYSTEMS:
        train_poems(folder.path, place / name, tiny_poems(name))
    return place


def poems(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert run(["poem", "generate", *map(str, arguments), "--json"]) == 0, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def fault(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert run(["poem", "generate", *map(str, arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = [one for one in printed.err.splitlines() if one.startswith("error: ")]
    return line.removeprefix("error: ")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("seed", range(2))
def test_every_poem_of_every_system_obeys(
    runs: Path, system: str, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(f"{system} {seed}")
    length = chance.choice([5, 7])
    acrostic = chance.choice(["", "明月青山", "春秋来去"])
    asked: dict[str, Any] = {"tones": chance.choice(["prefer", "strict"]), "rhyme": chance.choice(["prefer", "off"])}
    options = [f"--length={length}", "--n=2", "--repeats=off", *(f"--{name}={value}" for name, value in asked.items())]
    found = poems(capsys, runs / system, THEME, *options, *([f"--acrostic={acrostic}"] if acrostic else []))
    assert (found["schema"], found["system"], len(found["poems"])) == (1, system, 2)
    for poem in found["poems"]:
        assert broken_rules(poem["lines"], length=length, acrostic=acrostic, book=open_book(), **asked) == []
        assert len(poem["keywords"]) == len(poem["scores"]) == 4
        assert all(first in keyword for first, keyword in zip(acrostic, poem["keywords"], strict=False))


def test_keywords_are_planned_from_the_theme_and_shown(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = poems(capsys, runs / "ppg", THEME)
    assert found["poems"][0]["keywords"][:2] == ["春风", "秋雨"]
    assert run(["poem", "generate", str(runs / "ppg"), THEME]) == 0
    out = capsys.readouterr().out
    for line, keyword in zip(found["poems"][0]["lines"], found["poems"][0]["keywords"], strict=True):
        assert any(line in row and keyword in row for row in out.splitlines())


def test_own_keywords_in_traditional_characters(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = poems(capsys, runs / "ppg", "--keywords", "春風，明月、流水 長安")
    assert found["poems"][0]["keywords"] == ["春风", "明月", "流水", "长安"]


def test_an_own_first_line_stands_and_fixes_the_length(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = poems(capsys, runs / "rnnpg", "--first-line", "明月青山去。")
    assert found["length"] == 5
    assert found["poems"][0]["lines"][0] == "明月青山去"
    assert found["poems"][0]["scores"][0] is None


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_same_seed_gives_the_same_poems(runs: Path, system: str, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = [runs / system, THEME, "--sample", "--n", "2", "--repeats", "off"]
    first, again = poems(capsys, *drawn, "--seed", "1"), poems(capsys, *drawn, "--seed", "1")
    assert first == again
    assert first["poems"] != poems(capsys, *drawn, "--seed", "2")["poems"]
    assert first["temperature"] == 1.0


def test_one_line_is_written_anew(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = poems(capsys, runs / "ppg", THEME)["poems"][0]["lines"]
    after = poems(capsys, runs / "ppg", THEME, "--redo", "3")["poems"][0]
    assert [line for i, line in enumerate(after["lines"]) if i != 2] == [before[0], before[1], before[3]]
    assert after["lines"][2] != before[2]
    assert [score is None for score in after["scores"]] == [True, True, False, True]
    mine = "明月青山去 春风流水来 孤舟寒灯远 故人长安香"
    two = poems(capsys, runs / "ppg", "--poem", mine, "--redo", "2", "--redo", "4", "--n", "2", "--repeats", "off")
    first, second = (poem["lines"] for poem in two["poems"])
    assert first[0] == second[0] == "明月青山去"
    assert first[2] == second[2] == "孤舟寒灯远"
    assert len({first[1], second[1], "春风流水来"}) == 3


def test_a_line_that_exists_is_named_with_its_poem(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that the network has written becomes one of a training poem, in a copy of the prepared poems."""
    moved = runs / "moved"
    shutil.copytree(runs / "prepared", moved, dirs_exist_ok=True)
    line = poems(capsys, runs / "ppg", THEME)["poems"][0]["lines"][1]
    file = moved / "poems" / "train.jsonl"
    rows = [json.loads(row) for row in file.read_text(encoding="utf-8").splitlines()]
    rows[0] |= {"author": "某人", "title": "某题", "segments": [[line], *rows[0]["segments"][1:]]}
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    found = poems(capsys, runs / "ppg", THEME, "--data", moved)["poems"][0]
    assert {"line": 2, "poems": [{"author": "某人", "title": "某题"}]} in found["known"]
    assert run(["poem", "generate", str(runs / "ppg"), THEME, "--data", str(moved)]) == 0
    assert "line 2 exists already: 某人《某题》" in capsys.readouterr().out
    found = poems(capsys, runs / "ppg", THEME, "--data", moved, "--traditional")["poems"][0]
    assert {"line": 2, "poems": [{"author": "某人", "title": "某題"}]} in found["known"]


def test_tones_are_shown_with_their_faults(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [runs / "smt", THEME, "--show-tones"]
    form_of = poems(capsys, *arguments)["poems"][0]["form"]
    assert run(["poem", "generate", *map(str, arguments)]) == 0
    out = capsys.readouterr().out
    assert out.count("[平]") + out.count("[仄]") == len(form_of["tone_faults"])
    assert ("without a fault" in out) == (not form_of["tone_faults"])


def test_downwards_in_traditional_characters(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--first-line", "长安听春风", THEME, "--vertical", "--traditional"]
    found = poems(capsys, runs / "ppg", *arguments)
    assert found["poems"][0]["lines"][0] == "長安聽春風"
    assert run(["poem", "generate", str(runs / "ppg"), *arguments]) == 0
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    start = rows.index(["4", "3", "2", "1"]) + 2
    assert "".join(row[-1] for row in rows[start : start + 5]) == "長安聽春風"


@pytest.mark.parametrize("asked", [["--show-tones"], ["--tones", "prefer"], ["--rhyme", "prefer"]])
def test_downwards_with_tones_and_rhyme_where_they_are_asked_for(
    asked: list[str], runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["poem", "generate", str(runs / "ppg"), THEME, "--n", "2", *asked]) == 0
    flat = capsys.readouterr().out.split("\n\n")
    assert run(["poem", "generate", str(runs / "ppg"), THEME, "--n", "2", *asked, "--vertical"]) == 0
    both = capsys.readouterr().out.split("\n\n")
    assert both[::2] == [part.rstrip("\n") for part in flat]
    assert [part.split()[:4] for part in both[1::2]] == [["4", "3", "2", "1"]] * 2


def test_all_that_is_said_of_a_poem_is_traditional(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = "长风听远东 长风听远东 明月青山去 明月青山红"
    asked = [runs / "ppg", "--poem", mine, "--redo", "3", "--keywords", "春风,长风,听雨,云来", "--show-tones"]
    asked += ["--repeats", "off", "--traditional"]
    found = poems(capsys, *asked)
    assert found["script"] == "traditional"
    assert found["poems"][0]["keywords"] == ["春風", "長風", "聽雨", "雲來"]
    assert found["poems"][0]["form"]["rhyme"]["group"] == "上平一東"
    assert {"長", "風", "聽", "遠", "東"} <= set(found["poems"][0]["form"]["returning"])
    assert run(["poem", "generate", *map(str, asked)]) == 0
    out = capsys.readouterr().out
    assert "rhyme: 東 東 紅 (平水韻 東)" in out.splitlines()
    assert "聽雨" in out
    assert form.converter("s2t").convert(out) == out


def test_the_words_that_were_asked_are_in_the_script_of_the_poem(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [runs / "ppg", "春风明月", "--first-line", "长安听春风", "--traditional"]
    found = poems(capsys, *asked)
    assert (found["theme"], found["first_line"]) == ("春風明月", "長安聽春風")
    assert run(["poem", "generate", *map(str, asked), "--n", "2"]) == 0
    assert "春風明月, draft 1" in capsys.readouterr().out
    assert poems(capsys, *asked[:-1])["first_line"] == "长安听春风"


@pytest.mark.parametrize("system", SYSTEMS)
def test_keywords_that_a_system_does_not_look_at_are_named(
    system: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["poem", "generate", str(runs / system), "--keywords", "春,秋,来,去", "--repeats", "off"]
    assert run(asked) == 0
    said = capsys.readouterr().err
    assert said == (
        "" if system == "ppg" else f"{system} takes a keyword for the first line alone: 秋 来 去 are not used\n"
    )
    assert run([*asked, "--first-line", "长安听春风"]) == 0
    said = capsys.readouterr().err
    alone = f"{system} takes a keyword for the first line alone, which stands: 春 秋 来 去 are not used\n"
    assert said == ("" if system == "ppg" else alone)
    assert run([*asked, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("tones", ["off", "strict"])
def test_what_stands_and_does_not_rhyme_is_named_at_once(
    tones: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = "白日依山尽 黄河入海流 欲穷千里目 更上一层天"
    for redo in ("1", "3"):
        said = fault(
            capsys, runs / "ppg", "--poem", mine, "--redo", redo, "--rhyme", "strict", "--tones", tones, "--quiet"
        )
        assert said == "lines 2 and 4 stand and do not rhyme (流 天); try --rhyme prefer, or --redo 2 or 4 as well"


def test_a_strict_rhyme_is_one_by_the_sheet(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever first line is written to a poem that would fit pattern 1 or 2."""
    mine = "白日依山尽 黄河入海流 欲穷千里目 更上一层楼"
    found = poems(capsys, runs / "ppg", "--poem", mine, "--redo", "1", "--rhyme", "strict", "--n", "4")
    for poem in found["poems"]:
        assert poem["form"]["rhyme"]["faults"] == []
        assert broken_rules(poem["lines"], length=5, rhyme="strict", book=open_book()) == []


def test_without_the_poems_own_keywords_do(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = runs / "lost"
    shutil.copytree(runs / "ppg", lost, dirs_exist_ok=True)
    config = lost / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(f"{runs / 'prepared'}", f"{runs / 'gone'}"))
    assert run(["poem", "generate", str(lost), "--keywords", "春风,明月,流水,长安"]) == 0
    assert "nobody can tell whether a line exists already (--data DIR)" in capsys.readouterr().err
    assert "gone: is no prepared folder of poems" in fault(capsys, lost, THEME)


def test_the_extra_is_named_where_it_lacks(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_book.cache_clear()
    monkeypatch.setattr(form, "find_spec", lambda name: None)
    message = "converting between Traditional and Simplified needs the package opencc, which is not installed; "
    message += "run: pip install 'ham-mrc[tones]'"
    for option in ("--tones=prefer", "--rhyme=strict", "--show-tones", "--traditional"):
        assert fault(capsys, runs / "ppg", THEME, option) == message
    assert len(poems(capsys, runs / "ppg", THEME)["poems"]) == 1


OWN = "明月青山去 春风流水来 孤舟寒灯远 故人长安香"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "the theme is empty; give the theme in Chinese characters, as in 春夜听雨"),
        (["spring rain"], "the theme: holds 'spring'; give the theme in Chinese characters"),
        ([], "there is no theme; give one in Chinese characters, or --keywords, or --first-line"),
        ([THEME, "--length", "6"], "--length is 6; lines have 5 or 7 characters"),
        ([THEME, "--first-line", "明月青山去也"], "--first-line: has 6 characters; a line has 5 or 7"),
        (
            ["--first-line", "明月青山去", "--length", "7"],
            "--first-line: has 5 characters, where --length is 7; leave --length out",
        ),
        ([THEME, "--acrostic", "春夏秋"], "--acrostic: has 3 characters; a quatrain has four lines; give four"),
        ([THEME, "--acrostic", "ABCD"], "--acrostic: holds 'ABCD'; give it in Chinese characters"),
        (
            [THEME, "--keywords", "春风,明月"],
            "--keywords: has 2 keywords; each of the four lines has one; give four with commas between them, or none",
        ),
        ([THEME, "--temperature", "0.5"], "--temperature is of --sample; give both, or neither"),
        ([THEME, "--poem", OWN], "--poem is for --redo; say which lines to write anew, as in --redo 3"),
        (
            ["--first-line", "明月青山去", "--redo", "1"],
            "--redo 1 would write over --first-line; leave one of them out",
        ),
        (
            ["--first-line", "明月青山去", "--poem", OWN, "--redo", "2"],
            "--poem and --first-line both give a first line; leave one of them out",
        ),
        (
            ["--poem", "明月青山去 春风流水来", "--redo", "2"],
            "the poem: has 2 lines; a quatrain has four",
        ),
        (
            ["--keywords", "春,秋,来,去", "--knowledge", "x.txt"],
            "--knowledge is for planning keywords, and --keywords gives them; leave one of them out",
        ),
        (
            ["--first-line", "明月青山去", "--acrostic", "春明月去"],
            "line 1 is given and begins with 明, where the acrostic has 春; change one of them",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: list[str], message: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fault(capsys, runs / "ppg", *arguments) == message


def test_unknown_characters_are_named_with_near_ones(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fault(capsys, runs / "ppg", THEME, "--acrostic", "春龘秋来")
    assert said.startswith("--acrostic: 龘 is not among the run's characters; near ones are 龘: ")
    said = fault(capsys, runs / "ppg", "--keywords", "春风,龘,明月,饕餮")
    assert said.startswith("--keywords: 龘 饕 餮 are not among the run's characters; near ones are 龘: ")
    assert "龘" in fault(capsys, runs / "ppg", "龘")
    assert run(["poem", "generate", str(runs / "ppg"), "--first-line", "龘月青山去"]) == 0
    assert "read as an unknown character in your lines: 龘" in capsys.readouterr().err


def test_rules_that_leave_nothing_are_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fault(capsys, runs / "ppg", "--first-line", "春风春风春", "--tones", "strict")
    assert said.endswith("has the wrong tone); try --tones prefer")
    said = fault(capsys, runs / "ppg", "--first-line", "白日依山尽", "--acrostic", "白月去来", "--tones", "strict")
    assert said.startswith("the acrostic 白月去来 fits no pattern (in 1, the nearest, 月 has the wrong tone)")
    mine = "白日依山尽 黄河入海流 欲穷千里目 更上一层月"  # whatever line 2 is, lines 2 and 4 cannot rhyme
    said = fault(capsys, runs / "ppg", "--poem", mine, "--redo", "2", "--rhyme", "strict", "--repeats", "off")
    assert said == (
        "line 4 stands and ends in 月, which is no level character; try --rhyme prefer, or --redo 4 as well"
    )


def test_a_reader_s_run_and_no_run_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fault(capsys, tmp_path, THEME).startswith(f"{tmp_path}: is not a run folder (it holds no config.toml)")
