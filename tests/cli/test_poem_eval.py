"""`ham-mrc poem eval` and `poem compare`: what they print, store and refuse. Systems write by a rule."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_poems import MadeSystem, made_poem_result
from poem_builders import nonsense, prepared

from ham_mrc.cli import poem_scoring
from ham_mrc.cli.main import run
from ham_mrc.cli.poem_scoring import Opened
from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.eval.poem_file import save_poem_result
from ham_mrc.quatrains.request import LineRequest

SIGNATURE = "bleu2|corpus|refs={}|keywords={}|split=random|v1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(400))


Runs = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path, folder: PoemFolder, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """(name, rule, ...) -> a run folder that opens as a system writing by the rule."""
    opened: dict[Path, Opened] = {}
    monkeypatch.setattr(poem_scoring, "open_run", lambda path, data: opened[path])

    def make(name: str, rule: Callable[[LineRequest], str | None], of: PoemFolder = folder, **settings: Any) -> Path:
        path = tmp_path / name
        path.mkdir()
        (path / "config.toml").touch()
        keywords = settings.pop("uses_keywords", True)
        system = MadeSystem(rule, name=settings.get("system", "ppg"), uses_keywords=keywords)
        trained = {"epochs": 2.5} if keywords else {}
        opened[path] = Opened(system, of, lambda keys: keys[-1], settings, trained)  # type: ignore[arg-type]
        return path

    return make


def copying(folder: PoemFolder, every: int = 1) -> Callable[[LineRequest], str]:
    """Writes the poet's line for one in `every` requests, else 水水水..."""
    poems = [one.poem for one in folder.poems("test")]
    gold = {poem.lines[:step]: poem.lines[step] for poem in poems for step in (1, 2, 3)}
    places = {before: place for place, before in enumerate(gold)}
    return lambda request: gold[request.before] if places[request.before] % every == 0 else "水" * request.length


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    found = capsys.readouterr()
    return found.out, found.err


def test_the_result_is_printed_and_stored(
    make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_run("ham", copying(folder))
    assert run(["poem", "eval", str(path), "--keywords", "both", "--resamples", "100"]) == 0
    out, err = printed(capsys)
    assert err == ""
    lines = out.splitlines()
    poems = [one.poem for one in folder.poems("test")]
    five = sum(poem.length == 5 for poem in poems)
    assert lines[0] == f"ham on 40 test poems: {five} of 5 characters a line, {40 - five} of 7 characters a line"
    assert lines[1].split()[:5] == ["references", "keywords", "B1", "5", "B1"]
    for line, (references, keywords) in zip(
        lines[3:7],
        [("multi", "planned"), ("single", "planned"), ("multi", "oracle"), ("single", "oracle")],
        strict=True,
    ):
        cells = ["100.00"] * 6 + ["100.00", "100.00", "to", "100.00"] * 2
        assert line.split() == ["ham", references, keywords, *cells]
    assert any(line.startswith("random human line") for line in lines)
    assert any(line.startswith("one training line, always") for line in lines)
    assert "Trained for 2.5 epochs." in lines
    assert "perplexity of the poets' lines for the system (planned keywords): 75.00 a symbol" in lines
    assert f"signature: {SIGNATURE.format('multi-tang-theme', 'planned')}" in lines
    stored = json.loads((path / "poems.json").read_text(encoding="utf-8"))
    assert stored["columns"]["single-oracle"]["figures"]["single_oracle_b2_7"] == 100.0
    assert (stored["run"]["beam"], stored["trained"]["epochs"]) == (10, 2.5)
    for kind in ("planned", "oracle"):
        rows = [json.loads(row) for row in (path / "lines" / f"test-{kind}.jsonl").read_text("utf-8").splitlines()]
        assert len(rows) == 120
        assert all(row["written"] == row["gold"] for row in rows)


def test_json_is_what_is_stored_without_the_poems(
    make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = make_run("ham", copying(folder, 2))
    save = tmp_path / "kept.json"
    options = ["--json", "--no-intervals", "--save", str(save), "-q", "--references", "single"]
    assert run(["poem", "eval", str(path), *options]) == 0
    out, err = printed(capsys)
    assert err == ""
    document = json.loads(out)
    stored = json.loads(save.read_text(encoding="utf-8"))
    assert save.read_bytes() == (path / "poems.json").read_bytes()
    assert stored.pop("per_poem").keys() == {one.poem.id for one in folder.poems("test")}
    assert document == {**stored, "checks": []}
    assert (document["intervals"], document["bootstrap"]) == ({}, {})
    assert list(document["columns"]) == ["single-planned"]


def test_a_system_without_keywords(make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_run("smt", copying(folder, 3), system="smt", uses_keywords=False)
    assert run(["poem", "eval", str(path), "--keywords", "both", "--resamples", "100"]) == 0
    out, err = printed(capsys)
    assert err == "smt takes no keywords, so that none can be leaked to it\n"
    assert "smt                         multi        none" in out
    assert run(["poem", "eval", str(path), "--keywords", "oracle"]) == 2
    assert printed(capsys) == (
        "",
        "error: smt takes no keywords, so that none can be leaked to it; ask for --keywords planned\n",
    )


def test_without_a_taxonomy(make_run: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = prepared(tmp_path, nonsense(300), taxonomy=False)
    path = make_run("ham", copying(bare), of=bare)
    assert run(["poem", "eval", str(path), "--resamples", "100", "--json"]) == 0
    out, err = printed(capsys)
    assert err == (
        "warning: the poems were prepared without a taxonomy: figures are against the poet's own line alone, and can "
        "be compared with no others\n"
    )
    assert list(json.loads(out)["columns"]) == ["single-planned"]
    assert run(["poem", "eval", str(path), "--references", "multi"]) == 2
    out, err = printed(capsys)
    assert err.startswith(f"error: {bare.path}: was made without a taxonomy")
    assert err.endswith("; ask for single references, or prepare again with --taxonomy\n")


def test_a_limited_result_never_replaces_a_fuller_one(
    make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_run("ham", copying(folder))
    command = ["poem", "eval", str(path), "--no-intervals"]
    assert run([*command, "--limit", "4"]) == 0
    assert "Only 4 of the part's 40 poems, evenly spaced." in printed(capsys)[0]
    assert json.loads((path / "poems.json").read_text("utf-8"))["poems"] == 4
    assert run(command) == 0
    before = (path / "poems.json").read_bytes()
    printed(capsys)
    assert run([*command, "--limit", "4"]) == 0
    assert printed(capsys)[1] == f"{path / 'poems.json'} is of 40 poems and stays as it is; --save FILE keeps this\n"
    assert (path / "poems.json").read_bytes() == before
    assert len((path / "lines" / "test-planned.jsonl").read_text("utf-8").splitlines()) == 120


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--references", "single"], "has multi-planned"),
        (["--keywords", "oracle"], "has multi-planned, single-planned"),
        (["--no-intervals"], "has intervals"),
        (["--beam", "3"], "is by a beam of 10"),
    ],
)
def test_a_narrower_result_never_replaces_a_fuller_one(
    make_run: Runs,
    folder: PoemFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    path = make_run("ham", copying(folder))
    command = ["poem", "eval", str(path), "--resamples", "100"]
    assert run(command) == 0
    before = {file: file.read_bytes() for file in path.rglob("*.json*")}
    printed(capsys)
    assert run([*command, *options]) == 0
    assert printed(capsys)[1] == f"{path / 'poems.json'} {said} and stays as it is; --save FILE keeps this\n"
    kept = tmp_path / "kept.json"
    assert run([*command, *options, "--save", str(kept)]) == 0
    assert printed(capsys)[1] == f"{path / 'poems.json'} {said} and stays as it is\n"
    assert {file: file.read_bytes() for file in path.rglob("*.json*")} == before
    assert run([*command, *options, "--save", str(path / "poems.json")]) == 0
    assert printed(capsys)[1] == "", "named, it is replaced, and so are the lines"
    assert (path / "poems.json").read_bytes() == kept.read_bytes()
    assert kinds_of_lines(path) == {"oracle" if "oracle" in options else "planned"}


def kinds_of_lines(path: Path) -> set[str]:
    return {file.stem.removeprefix("test-") for file in (path / "lines").iterdir()}


def test_the_lines_are_those_of_the_result_that_stands(
    make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_run("ham", copying(folder))
    command = ["poem", "eval", str(path), "--no-intervals", "-q"]
    assert run([*command, "--limit", "4", "--keywords", "both"]) == 0
    assert kinds_of_lines(path) == {"planned", "oracle"}
    assert run(command) == 0
    assert list(json.loads((path / "poems.json").read_text("utf-8"))["columns"]) == ["multi-planned", "single-planned"]
    assert kinds_of_lines(path) == {"planned"}
    assert run([*command, "--keywords", "both"]) == 0
    assert kinds_of_lines(path) == {"planned", "oracle"}


def test_the_gate(make_run: Runs, folder: PoemFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, worse = make_run("good", copying(folder)), make_run("worse", copying(folder, 2))
    baseline = tmp_path / "baseline.json"
    gate = ["--baseline", str(baseline), "--no-intervals", "--references", "single"]
    assert run(["poem", "eval", str(good), *gate]) == 2
    assert printed(capsys)[1] == (
        f"error: {baseline}: there is no baseline yet; add --update-baseline to write it, review and commit it\n"
    )
    assert run(["poem", "eval", str(good), *gate, "--update-baseline"]) == 0
    assert printed(capsys)[1] == f"wrote the baseline {baseline}: review and commit it\n"
    assert run(["poem", "eval", str(good), *gate, "--min", "single_bleu_7=99"]) == 0
    out = printed(capsys)[0].splitlines()
    assert out[-3:] == [
        "passed: single_bleu_7 is 100.00, at least 99.00 was asked for",
        f"passed: single_bleu_5 is 100.00, as in {baseline}",
        f"passed: single_bleu_7 is 100.00, as in {baseline}",
    ]
    junit = tmp_path / "checks.junit.xml"
    assert run(["poem", "eval", str(worse), *gate, "--significant", "--write", str(junit), "--format", "github"]) == 1
    out, err = printed(capsys)
    assert [line.split("::")[1] for line in out.splitlines()] == [
        "error title=single_bleu_5 drop at most 0",
        "error title=single_bleu_7 drop at most 0",
    ]
    assert err.startswith("error: check failed: single_bleu_5 fell by ")
    assert "; 0.00 allowed; significant (p <0.0001)" in err or "; 0.00 allowed; significant (p 0.000" in err
    suite = ElementTree.parse(junit).getroot()[0]
    assert (suite.get("name"), suite.get("failures")) == ("ham-mrc.poems", "2")
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["signature of single-planned"] == SIGNATURE.format("single", "planned")
    assert (
        run(["poem", "eval", str(worse), *gate, "--max-drop", "single_bleu_5=90", "--max-drop", "single_bleu_7=90"])
        == 0
    )
    printed(capsys)
    assert run(["poem", "eval", str(worse), *gate, "--update-baseline", "-q"]) == 0
    assert run(["poem", "eval", str(good), *gate]) == 0
    assert printed(capsys)[1].startswith("baseline can be raised: single_bleu_5 from ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-drop", "bleu_7=1"], "--max-drop is about a baseline, and none is named; add --baseline FILE"),
        (["--significant"], "--significant is about a baseline, and none is named; add --baseline FILE"),
        (["--update-baseline"], "--update-baseline is about a baseline, and none is named; add --baseline FILE"),
        (
            ["--format", "junit"],
            "--format junit reports checks, and none was asked for; add --min METRIC=VALUE or --baseline FILE, or "
            "choose another format",
        ),
        (["--min", "bleu_7"], "--min bleu_7: METRIC=NUMBER is expected; for example --min f1=0.5"),
        (
            ["--min", "f1=3"],
            "--min f1=3: no figure 'f1'; there are: b1_5, b1_7, b2_5, b2_7, b3_5, b3_7, bleu_5, bleu_7, and these "
            "after single_, oracle_, single_oracle_",
        ),
        (
            ["--min", "oracle_bleu_7=1"],
            "--min oracle_bleu_7=1: oracle_bleu_7 is not measured with these --references and --keywords; add "
            "--keywords both",
        ),
        (
            ["--baseline", "BASELINE", "--max-drop", "single_oracle_b1_5=1", "--references", "multi"],
            "--max-drop single_oracle_b1_5=1: single_oracle_b1_5 is not measured with these --references and "
            "--keywords; add --references both --keywords both",
        ),
        (
            ["--baseline", "BASELINE", "--references", "single"],
            f"BASELINE: was scored by {SIGNATURE.format('multi-tang-theme', 'planned')}, "
            f"{SIGNATURE.format('single', 'planned')}, this result by {SIGNATURE.format('single', 'planned')}; "
            "evaluate with the same --references and --keywords",
        ),
        (["--references", "many"], "invalid value for '--references': 'many' is not one of 'multi', 'single', 'both'"),
        (["--limit", "0"], "invalid value for '--limit': Input should be greater than or equal to 1"),
    ],
)
def test_options_in_vain_are_refused_before_any_line_is_written(
    make_run: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    def fail(request: LineRequest) -> str:
        raise AssertionError("a line was asked for")

    path, baseline = make_run("ham", fail), tmp_path / "BASELINE"
    save_poem_result(baseline, made_poem_result())
    assert run(["poem", "eval", str(path), *(option.replace("BASELINE", str(baseline)) for option in options)]) == 2
    out, err = printed(capsys)
    assert out == ""
    assert err.replace(str(baseline), "BASELINE").startswith(f"error: {message}")
    assert not (path / "poems.json").exists()


def test_figures_that_a_run_cannot_have_are_refused_at_once(
    make_run: Runs, folder: PoemFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(request: LineRequest) -> str:
        raise AssertionError("a line was asked for")

    smt = make_run("smt", fail, system="smt", uses_keywords=False)
    assert run(["poem", "eval", str(smt), "--keywords", "both", "--min", "oracle_bleu_7=1"]) == 2
    assert printed(capsys)[1] == (
        "error: --min oracle_bleu_7=1: oracle_bleu_7 is not measured, for the system takes no keywords; leave --min "
        "oracle_bleu_7 out\n"
    )
    bare = make_run("bare", fail, of=prepared(tmp_path, nonsense(300), taxonomy=False))
    assert run(["poem", "eval", str(bare), "--min", "bleu_7=1"]) == 2
    assert printed(capsys)[1] == (
        "error: --min bleu_7=1: bleu_7 is not measured, for the poems were prepared without a taxonomy; name "
        "single_bleu_7, or prepare again with --taxonomy\n"
    )


def test_compare_prints_table_2_with_our_rows(
    make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    smt = make_run("smt", copying(folder, 3), system="smt", uses_keywords=False)
    ham = {"system": "ppg", "attention": "ham", "depth": 10, "preset": "ppg-small"}
    one, two = (make_run(f"ham-{seed}", copying(folder, seed), seed=seed, **ham) for seed in (1, 2))
    for path in (smt, one, two):
        assert run(["poem", "eval", str(path), "--no-intervals", "-q"]) == 0
    printed(capsys)
    assert run(["poem", "compare", *map(str, (smt, one, two)), "--resamples", "200"]) == 0
    out, err = printed(capsys)
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("Table 2: multiple references, planned keywords; test poems: ")
    assert lines[3].split()[:4] == ["a", "smt", "smt", "1"]
    assert lines[4].split()[:9] == ["b", "ham-1", "and", "1", "more", "ppg,", "ham", "10,", "ppg-small"]
    assert sum(line.lstrip().startswith("paper: ") for line in lines) == 6
    assert "differences to row a: multi-planned" in lines
    assert run(["poem", "compare", str(smt), str(one), "--json", "--no-paper", "--resamples", "200"]) == 0
    document = json.loads(printed(capsys)[0])
    assert [table["protocol"] for table in document["tables"]] == ["multi-planned", "single-planned"]
    difference = document["tables"][1]["rows"][1]["differences"]["single_bleu_7"]
    stored = [json.loads((path / "poems.json").read_text("utf-8"))["columns"]["single-planned"] for path in (smt, one)]
    before, now = (column["figures"]["single_bleu_7"] for column in stored)
    assert difference["value"] == pytest.approx(now - before)
    assert difference["significant"]


def test_compare_refuses_what_was_not_evaluated(
    make_run: Runs, folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    done, other = make_run("done", copying(folder)), make_run("other", copying(folder))
    assert run(["poem", "eval", str(done), "--no-intervals", "-q"]) == 0
    printed(capsys)
    assert run(["poem", "compare", str(done), str(other)]) == 2
    assert printed(capsys) == (
        "",
        f"error: {other}: has not been evaluated (no poems.json); ham-mrc poem eval {other}\n",
    )
    assert run(["poem", "eval", str(other), "--no-intervals", "-q", "--references", "single"]) == 0
    printed(capsys)
    assert run(["poem", "compare", str(done), str(other)]) == 2
    assert printed(capsys)[1] == (
        f"error: {other / 'poems.json'}: has no figures by {SIGNATURE.format('multi-tang-theme', 'planned')}, "
        f"{done / 'poems.json'} has; unlike signatures are not compared: ham-mrc poem eval other --references both\n"
    )
