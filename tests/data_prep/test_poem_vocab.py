"""The table of characters: order, ids both ways, and files that are not it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ham_mrc.data_prep.poem_vocab import END, PAD, S5, S7, SEP, SPECIALS, UNK, Characters, rank_symbols
from ham_mrc.errors import HamError

# 山 four times, 水 and 月 three times each (月 U+6708 is before 水 U+6C34), 花 once.
LINES = ["山山山山水", "水水月月月", "花"]


def test_special_symbols_stand_first_in_their_order() -> None:
    assert [SPECIALS[n] for n in (PAD, UNK, SEP, S5, S7, END)] == ["<pad>", "<unk>", "<sep>", "<s5>", "<s7>", "</s>"]
    assert rank_symbols(LINES).symbols == (*SPECIALS, "山", "月", "水", "花")


def test_only_the_commonest_are_kept() -> None:
    characters = rank_symbols(LINES, size=8)
    assert (len(characters), characters.symbols[6:]) == (8, ("山", "月"))
    assert characters.encode("山水月") == [6, UNK, 7]
    assert characters.decode([S5, 6, 7, UNK, END]) == "<s5>山月<unk></s>"


def test_what_can_be_written() -> None:
    characters = rank_symbols(LINES)
    assert [characters.knows(text) for text in ("山", "火", "", "山月", "<unk>", "</s>")] == [True] + [False] * 5
    assert (characters.start(5), characters.start(7)) == (S5, S7)


def test_saved_and_loaded(tmp_path: Path) -> None:
    characters = rank_symbols([*LINES, "\U00020000"])
    characters.save(tmp_path / "vocab.txt")
    again = Characters.load(tmp_path / "vocab.txt", sha256=characters.sha256)
    assert again.symbols == characters.symbols
    assert (tmp_path / "vocab.txt").read_text("utf-8").split("\n")[:7] == [*SPECIALS, "山"]


def test_another_table_is_refused(tmp_path: Path) -> None:
    rank_symbols(LINES).save(tmp_path / "vocab.txt")
    with pytest.raises(HamError, match="is not the table of characters that was written here; prepare again"):
        Characters.load(tmp_path / "vocab.txt", sha256=rank_symbols(LINES[:1]).sha256)


@pytest.mark.parametrize("content", ["", "山\n", "\n".join(SPECIALS) + "\n山\n山\n", "\n".join(SPECIALS) + "\n山月\n"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "vocab.txt").write_text(content, "utf-8")
    with pytest.raises(HamError, match="is not a table of characters of ham-mrc"):
        Characters.load(tmp_path / "vocab.txt")
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(HamError, match=r"is not UTF-8 \(byte 0\)"):
        Characters.load(tmp_path / "vocab.txt")
