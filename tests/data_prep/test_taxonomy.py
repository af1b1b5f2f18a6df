"""The taxonomy: its raw file, and what theme a phrase or a line speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest
from poem_builders import write_taxonomy

from ham_mrc.data_prep.taxonomy import Taxonomy, read_taxonomy
from ham_mrc.errors import HamError

THEMES = Taxonomy({"月": ("明月", "清光照人"), "登山": ("青山", "明月"), "青山": ("松",)})


def test_what_is_read(tmp_path: Path) -> None:
    raw = read_taxonomy(write_taxonomy(tmp_path / "t"))
    assert (raw.phrases, raw.dropped, raw.repeated) == (13, 1, 1)
    assert raw.taxonomy.themes == {
        "月": ("明月", "寒灯", "月下吟"),
        "春": ("春风", "细草", "青山"),
        "别": ("孤舟", "故人", "长安"),
        "秋": ("秋雨", "夕阳"),
    }


def test_themes_of_one_heading_are_one_and_single_characters_are_no_phrases(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("1\t送别\t孤舟 泪\r\n\n2\t送别\t长亭 孤舟\n", "utf-8")
    raw = read_taxonomy(tmp_path / "t")
    assert raw.taxonomy.themes == {"送别": ("孤舟", "长亭")}
    assert (raw.phrases, raw.dropped, raw.repeated) == (4, 1, 1)


def test_themes_of_a_phrase() -> None:
    assert THEMES.theme_of("明月") == ["月", "登山"]
    assert THEMES.theme_of("月") == ["月"]
    assert THEMES.theme_of("青山") == ["登山", "青山"]
    assert THEMES.theme_of("流水") == []
    assert "清光照人" in THEMES
    assert "光照" not in THEMES


@pytest.mark.parametrize(
    ("line", "themes"),
    [
        ("举头望明月", ["月", "登山"]),
        ("月落乌啼霜", ["月"]),
        ("清光照人来", ["月"]),
        ("清光照我来", []),
        ("松下问童子", []),  # 松 is a phrase of one character, and no heading
        ("相看青山老", ["登山", "青山"]),
        ("", []),
    ],
)
def test_themes_in_a_line(line: str, themes: list[str]) -> None:
    assert THEMES.themes_in(line) == themes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no theme; a line is due to be"),
        ("<begin>\t1\t人事类\n<end>\t1\n", "holds no theme"),
        ("1\t月\n", "line 1: has 2 columns, not 3"),
        ("1\t月\t明月\n2 春 春风\n", "line 2: has 1 columns, not 3"),
        ("1\tmoon\tmoonlight\n", 'line 1: the heading "moon" is not in Chinese characters'),
    ],
)
def test_other_files(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "t").write_text(content, "utf-8")
    with pytest.raises(HamError, match=said):
        read_taxonomy(tmp_path / "t")
    (tmp_path / "t").write_bytes("1\t月\t明月".encode("gb18030"))
    with pytest.raises(HamError, match="is not UTF-8"):
        read_taxonomy(tmp_path / "t")
