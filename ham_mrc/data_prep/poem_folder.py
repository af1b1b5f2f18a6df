"""A prepared folder of poems, opened: what everything that learns, writes or scores poems reads.

manifest.json           what it holds, from what, and what was dropped and why
vocab.txt               one symbol a line
poems/PART.jsonl        poems with their segments and keywords
triples/PART/*.npy      integer columns
segments.jsonl          TextRank scores
taxonomy.jsonl          themes and phrases, where a taxonomy was given
references/PART.jsonl   the themes of each line of valid and test; references/themes.jsonl, see poem_references.py
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ham_mrc import __version__
from ham_mrc.data_prep.poem_columns import Triples, load_triples
from ham_mrc.data_prep.poem_references import PoemReferences, load_references
from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.errors import HamError
from ham_mrc.files import read_json, read_jsonl, sha256
from ham_mrc.records import Quatrain

PARTS = ("train", "valid", "test")
KIND = "ham-mrc poems"
SCHEMA = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class PreparedPoem:
    """A poem with each line's segments, which joined are the line, and each line's keyword, one of its segments."""

    poem: Quatrain
    segments: tuple[tuple[str, ...], ...]
    keywords: tuple[str, ...]


class PoemFolder:
    """A prepared folder. Everything is read when it is first asked for, and kept."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._parts: dict[str, list[PreparedPoem]] = {}

    @cached_property
    def manifest_sha256(self) -> str:
        """The checksum of manifest.json, which has those of the inputs."""
        return sha256(self.path / MANIFEST)

    @cached_property
    def characters(self) -> Characters:
        """The table of symbols."""
        return Characters.load(self.path / "vocab.txt", sha256=self.manifest["vocabulary"]["sha256"])

    def poems(self, part: str) -> list[PreparedPoem]:
        """The poems of "train", "valid" or "test"; row i here is `poem` i in its triples."""
        assert part in PARTS, part
        if part not in self._parts:
            file = self.path / "poems" / f"{part}.jsonl"
            with _reading(file):
                self._parts[part] = [_poem(value) for _, value in read_jsonl(file)]
            self._check_count(file, len(self._parts[part]), self._count(part))
        return self._parts[part]

    @cache  # noqa: B019
    def triples(self, part: str) -> Triples:
        """The triples of a part, memory-mapped."""
        assert part in PARTS, part
        folder = self.path / "triples" / part
        triples = load_triples(folder)
        self._check_count(folder, len(triples.poem), 4 * self._count(part))
        return triples

    def _count(self, part: str) -> int:
        return int(self.manifest["parts"][part]["poems"])

    def _check_count(self, file: Path, there: int, due: int) -> None:
        if there != due:
            what = f"holds {there:,} rows and not the {due:,} of the manifest"
            raise HamError(what, file=file, remedy="prepare again")

    @cached_property
    def taxonomy(self) -> Taxonomy | None:
        """The themes and their phrases; None where the folder was made without."""
        if self.manifest["taxonomy"] is None:
            return None
        with _reading(file := self.path / "taxonomy.jsonl"):
            return Taxonomy({row["theme"]: tuple(row["phrases"]) for _, row in read_jsonl(file)})

    @cached_property
    def segments(self) -> dict[str, float]:
        """The TextRank score of each segment of the training lines that is no function word, best first."""
        with _reading(file := self.path / "segments.jsonl"):
            return {row["segment"]: row["score"] for _, row in read_jsonl(file)}

    def references(self, part: str) -> list[PoemReferences]:
        """The `multi` references of "valid" or "test", one item a poem. Raises HamError where there is no taxonomy."""
        if self.taxonomy is None:
            raise HamError(
                "was made without a taxonomy, which says what lines can stand for each other",
                file=self.path,
                remedy="ask for single references, or prepare again with --taxonomy",
            )
        own, train = ([prepared.poem for prepared in self.poems(one)] for one in (part, "train"))
        with _reading(self.path / "references"):
            return load_references(self.path / "references", part, own, train)

    def check(self) -> None:
        """Read once what learning, planning and scoring will read; three seconds for 75,000 poems. Nothing is kept.

        Raises HamError naming the first file that is missing or damaged: before hours of training, not after.
        """
        fresh = PoemFolder(self.path, self.manifest)
        for part in PARTS:
            fresh.poems(part)
        _ = fresh.characters, fresh.segments
        if fresh.taxonomy is not None:
            for part in PARTS[1:]:
                fresh.references(part)

    @cached_property
    def known_lines(self) -> dict[str, list[tuple[str, str]]]:
        """By training line the (author, title) of each poem that has it."""
        known: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for prepared in self.poems("train"):
            for line in prepared.poem.lines:
                known[line].append((prepared.poem.author, prepared.poem.title))
        return dict(known)


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Whatever is wrong with a file of a prepared folder, the remedy is to make it again."""
    try:
        yield
    except HamError as error:
        raise HamError(error.what, file=error.file, place=error.place, remedy="prepare again") from error
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise HamError(f"is damaged ({error})", file=file, remedy="prepare again") from error


def _poem(value: dict[str, Any]) -> PreparedPoem:
    segments = tuple(tuple(line) for line in value["segments"])
    lines = tuple("".join(line) for line in segments)
    poem = Quatrain(value["id"], value["author"], value["title"], value["dynasty"], lines)
    return PreparedPoem(poem, segments, tuple(value["keywords"]))


def open_poems(path: str | Path) -> PoemFolder:
    """The prepared folder at `path`. Raises HamError where there is none, or one of another version."""
    file = Path(path) / MANIFEST
    if not file.is_file():
        raise HamError(
            f"is no prepared folder of poems (it holds no {MANIFEST})",
            file=path,
            remedy="make one with ham-mrc poem prepare",
        )
    content = read_json(file)
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise HamError("is not a manifest of prepared poems", file=file, remedy="make one with ham-mrc poem prepare")
    if content.get("schema") != SCHEMA:
        raise HamError(
            f"made by ham-mrc {content.get('tool')}, manifest schema {content.get('schema')}; "
            f"this is ham-mrc {__version__}, schema {SCHEMA}",
            file=file,
            remedy="prepare again",
        )
    if missing := [name for name in _NEEDED if name not in content]:
        raise HamError(f"is incomplete ({missing[0]} is missing)", file=file, remedy="prepare again")
    return PoemFolder(Path(path), content)


_NEEDED = ("seed", "split", "inputs", "parts", "vocabulary", "taxonomy")
