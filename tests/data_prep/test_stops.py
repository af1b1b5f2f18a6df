"""A preparation that cannot go on: interrupted, out of disk, or asked for what cannot be. It leaves nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from preparing import TRICKY, run
from squad_builders import rivers, squad_document, squad_paragraph

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.squad import SQUAD
from ham_mrc.errors import HamError


class StoppingBar:
    def advance(self, count: int = 1, note: str = "") -> None:
        raise KeyboardInterrupt

    def say(self, text: str) -> None:
        raise AssertionError(text)


@pytest.mark.parametrize("stage", ["reading", "writing"])
def test_interrupted_preparation_leaves_nothing(tmp_path: Path, write_squad: Callable[..., Path], stage: str) -> None:
    @contextlib.contextmanager
    def progress(title: str, *, total: int | None = None, unit: str = "") -> Iterator[Any]:
        assert (total, unit) == (round(path.stat().st_size / 1e6), "MB")
        yield StoppingBar() if title == stage else NoBar()

    path = write_squad(rivers(articles=10, paragraphs=50, questions=20))
    assert path.stat().st_size > 1e6
    with pytest.raises(KeyboardInterrupt):
        prepare(Request(dataset="squad", inputs=(path,), out=tmp_path / "new" / "out"), progress)
    assert list((tmp_path / "new").iterdir()) == []


class NoBar:
    def advance(self, count: int = 1, note: str = "") -> None:
        pass

    def say(self, text: str) -> None:
        pass


@pytest.mark.parametrize("where", ["columns", "pieces", "ledger", "sync"])
def test_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, rivers_file: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*values: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = {
        "columns": "ham_mrc.data_prep.shard_writer._Flat.extend",
        "pieces": "ham_mrc.data_prep.shard_writer.PartWriter.add",
        "ledger": "ham_mrc.data_prep.ledger.Ledger.add",
        "sync": "os.fsync",
    }[where]
    monkeypatch.setattr(target, full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", rivers_file)
    assert str(caught.value) == (
        f"{tmp_path / 'out'}: cannot be written: the disk is full; nothing was left half written"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_folder_under_a_file_cannot_be_written(tmp_path: Path, rivers_file: Path) -> None:
    with pytest.raises(HamError) as caught:
        run(rivers_file / "out", rivers_file)
    assert str(caught.value) == (
        f"{rivers_file / 'out'}: cannot be written: a part of the path is a file, not a folder; "
        "nothing was left half written"
    )


@pytest.mark.parametrize("changed", [rivers(articles=5), rivers(articles=1)])
def test_file_that_changes_between_the_passes(
    tmp_path: Path, rivers_file: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    readings = iter([rivers(), changed])

    def cut(path: str | Path, **options: Any) -> Any:
        rivers_file.write_text(json.dumps(next(readings)))
        return SQUAD.cut(path, **options)

    monkeypatch.setitem(DATASETS, "squad", replace(SQUAD, cut=cut))
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", rivers_file)
    assert str(caught.value) == f"{rivers_file}: changed while it was read; prepare again"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"limit": 0}, "--limit 0 is too small; at least 1 is due"),
        ({"max_passage_tokens": 0}, "--max-passage-tokens 0 is too small; at least 1 is due"),
        ({"min_count": -1}, "--min-count -1 is too small; at least 1 is due"),
        ({"split_by": "book"}, '--split-by "book" is unknown; use one of question, passage, article'),
        (
            {"dev": TRICKY, "split": "90/10"},
            "--split and --dev both say where dev comes from; leave one of them out",
        ),
        (
            {"test": TRICKY, "split": "80/10/10"},
            "--split 80/10/10 and --test both say where test comes from; give a split of two parts",
        ),
        ({"dataset": "sqaud"}, 'no dataset "sqaud"; did you mean "squad"?'),
        ({"dataset": "nothing"}, 'no dataset "nothing"; known: squad, dureader, msmarco, cmrc, and poems'),
        ({"inputs": ()}, "no INPUT is given; name at least one raw file"),
        ({"inputs": ("-",)}, "-: is read twice by prepare, which a pipe cannot be; save it to a file first"),
        ({"inputs": ("none.json",)}, "none.json: no such file"),
        ({"dev": "none.json"}, "none.json: no such file"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, settings: dict[str, Any], text: str) -> None:
    request = Request(**{"dataset": "squad", "inputs": (TRICKY,), "out": tmp_path / "out", **settings})
    with pytest.raises(HamError) as caught:
        prepare(request)
    assert str(caught.value) == text
    assert list(tmp_path.iterdir()) == []


def test_named_pipe_is_refused_before_it_is_emptied(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HamError, match="is read twice by prepare, which a pipe cannot be"):
        run(tmp_path / "out", tmp_path / "pipe")


def test_articles_without_a_title_cannot_be_split_by_title(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    document = squad_document({"": [squad_paragraph("The Nile", ("x1", "q", "Nile"))]})
    path = write_squad(document)
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", path, split_by="article")
    assert str(caught.value) == f'{path}, question x1: its article has no "title"; use --split-by passage'
