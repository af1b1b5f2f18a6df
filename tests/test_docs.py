"""The documentation tells the truth: commands parse, examples run, links lead somewhere, the reference is fresh."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.cli.app import command
from ham_mrc.config import preset_names
from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.spans import EXPLANATIONS

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "cli.md"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PROSE = "".join(page.read_text(encoding="utf-8") for page in PAGES if page != REFERENCE)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def named(page: Path) -> str:
    return page.name


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in FENCE.findall(page.read_text(encoding="utf-8")) if found == language]


def shell_lines(page: Path) -> Iterator[list[str]]:
    """The words of every command in the page's shell blocks, lines that end in a backslash joined."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def documented_commands() -> list[list[str]]:
    """The arguments of every `ham-mrc ...` that the prose shows in a shell block."""
    lines = (words for page in PAGES if page != REFERENCE for words in shell_lines(page))
    return [words[1:] for words in lines if words[0] == "ham-mrc"]


def test_command_reference_is_fresh() -> None:
    check = [sys.executable, "scripts/make_docs.py", "--check"]
    found = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_each_command_is_in_the_prose() -> None:
    shown = {arguments[0] for arguments in documented_commands()} | set(re.findall(r"`ham-mrc ([a-z-]+)", PROSE))
    assert set(command().commands) - shown == set()


@pytest.mark.parametrize("arguments", documented_commands(), ids=" ".join)
def test_documented_command_parses(arguments: list[str]) -> None:
    group: Any = command()
    name, rest, known = arguments[0], arguments[1:], group.commands
    assert name in known, f"there is no command {name}"
    if own := getattr(known[name], "commands", {}):
        name, *rest = rest
        known = own
        assert name in known, f"there is no such command of a group: {name}"
    # Parses, converts and checks every option and argument as the real command does, and runs nothing.
    known[name].make_context(name, rest)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_examples_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    source = "\n".join(blocks(page, "python"))
    test = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), 0)
    failures, tried = doctest.DocTestRunner().run(test)
    assert failures == 0
    assert tried == source.count(">>> ")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve()
        assert linked.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in {heading(line) for line in linked.read_text(encoding="utf-8").splitlines()}, target


def heading(line: str) -> str | None:
    """The anchor of a Markdown heading."""
    if not line.startswith("#"):
        return None
    return re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")


def test_first_screen_has_the_two_commands() -> None:
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30]
    assert "python3 scripts/setup.py demo" in first_screen
    assert "python3 scripts/setup.py test" in first_screen


def test_public_names_are_there_with_docstrings() -> None:
    rows = re.findall(r"^\| `(ham_mrc\.[\w.]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert "ham_mrc.layers.Ham" in rows
    assert "ham_mrc.eval.score" in rows
    for name in rows:
        module, _, attribute = name.rpartition(".")
        public = getattr(importlib.import_module(module), attribute)
        if not isinstance(public, dict):
            assert public.__doc__, f"{name} has no docstring"


def test_reasons_for_dropping_are_explained_in_their_own_words() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows == {reason.value: text for reason, text in EXPLANATIONS.items()}


def test_table_of_options_says_which_dataset_takes_what_and_how_each_is_read_without() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    (header,) = re.findall(r"^\| option \| (.+) \| what it says \|$", page, re.MULTILINE)
    names = header.split(" | ")
    assert sorted(names) == sorted(DATASETS)
    rows = {
        option.replace("-", "_"): dict(zip(names, (cell.strip() for cell in cells.split("|")), strict=False))
        for option, cells in re.findall(r"^\| `--([a-z-]+)` \|(.+)\|$", page, re.MULTILINE)
    }
    assert set(rows) == {option for dataset in DATASETS.values() for option in dataset.options}
    for option, row in rows.items():
        for name, cell in row.items():
            taken = option in DATASETS[name].options
            assert cell == (without_option(name, option) if taken else ""), f"--{option} of {name}"


def without_option(dataset: str, option: str) -> str:
    """How the documentation writes what holds where an option is not given."""
    value = getattr(DATASETS[dataset].reading, option)
    if value is None:  # the null position: by the version of the file, and MS MARCO has no 2.0
        return "no" if dataset == "msmarco" else "if 2.0"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_usual_limits_are_those_of_the_datasets() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    limits = re.findall(r"(\d+) and\s+(\d+)\s+for\s+(\w+)", page)
    assert {name: (int(passage), int(question)) for passage, question, name in limits} == {
        name: (dataset.passage_tokens, dataset.question_tokens) for name, dataset in DATASETS.items()
    }


def test_presets_are_explained() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    assert sorted(rows) == preset_names()


def test_overview_names_every_module() -> None:
    page = (ROOT / "docs" / "overview.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`ham_mrc/.+?) \|", page, re.MULTILINE)
    named_files = set()
    for cell in first_cells:
        first, *others = re.findall(r"`([^`]+)`", cell)
        named_files |= {first, *(f"{first.rpartition('/')[0]}/{other}" for other in others)}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "ham_mrc").rglob("*.py")}
    assert named_files == {module for module in modules if not module.endswith("__.py")}
