"""Compiled code is optional: how it is built, found again, switched off, and what is said where it cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ham_mrc.layers import native

SOURCE = 'extern "C" int seven() { return 7; }\n'


@pytest.fixture
def seven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A source `seven.cpp` of its own, an empty cache, and nothing remembered of earlier calls. Gives the source."""
    sources = tmp_path / "cpp"
    sources.mkdir()
    (sources / "seven.cpp").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(native, "SOURCES", sources)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(native.SWITCH, raising=False)
    native.load_native.cache_clear()
    yield sources / "seven.cpp"
    native.load_native.cache_clear()


def built() -> list[Path]:
    return sorted(native.cache_folder().glob("*"))


def test_built_once_and_found_again(seven: Path) -> None:
    found = native.load_native("seven")
    assert found.library is not None, found.why
    assert found.library.seven() == 7
    (library,) = built()
    written = library.stat().st_mtime_ns
    native.load_native.cache_clear()
    assert native.load_native("seven").library is not None
    assert [path.stat().st_mtime_ns for path in built()] == [written]


def test_another_source_or_header_is_built_anew(seven: Path) -> None:
    native.load_native("seven")
    for change in (lambda: seven.write_text(SOURCE + "//\n"), lambda: (seven.parent / "x.h").write_text("//\n")):
        change()
        native.load_native.cache_clear()
        native.load_native("seven")
    assert len(built()) == 3


def test_two_at_once_build_one_library(seven: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: native._built(seven, "c++"), range(4)))
    assert len(set(found)) == 1
    assert built() == [found[0]]


def test_switched_off(seven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.SWITCH, "0")
    assert native.load_native("seven") == native.Native(None, "switched off by HAM_MRC_NATIVE=0")


def test_no_compiler(seven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert native.load_native("seven") == native.Native(None, "no C++ compiler (c++, g++ or clang++)")


def test_a_source_that_does_not_compile(seven: Path) -> None:
    seven.write_text("int seven() { return nothing; }\n", encoding="utf-8")
    found = native.load_native("seven")
    assert found.library is None
    assert "nothing" in found.why
    assert built() == []


def test_a_cache_that_cannot_be_written(seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = native.load_native("seven")
    assert found.library is None
    assert found.why.startswith("could not be built (")
