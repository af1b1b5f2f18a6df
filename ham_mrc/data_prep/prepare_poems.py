"""The whole preparation of poems: a collection and a taxonomy to the folder that poem_folder.py opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ham_mrc import __version__
from ham_mrc.data_prep.poem_columns import make_triples, save_triples
from ham_mrc.data_prep.poem_counts import figures
from ham_mrc.data_prep.poem_folder import KIND, MANIFEST, PARTS, SCHEMA, PreparedPoem
from ham_mrc.data_prep.poem_references import save_references
from ham_mrc.data_prep.poem_segments import Segmenter
from ham_mrc.data_prep.poem_vocab import rank_symbols
from ham_mrc.data_prep.quatrain_split import Split, split_poems
from ham_mrc.data_prep.quatrains import Collection, read_quatrains
from ham_mrc.data_prep.request import check_readable_twice, file_size
from ham_mrc.data_prep.taxonomy import RawTaxonomy, Taxonomy, read_taxonomy
from ham_mrc.data_prep.textrank import keyword, textrank
from ham_mrc.files import sha256, write_folder, write_json, write_jsonl
from ham_mrc.progress import Progress, silent
from ham_mrc.records import Quatrain


@dataclass(frozen=True)
class PoemRequest:
    """What to prepare: `poems` and, where there is one, `taxonomy` into the folder `out`."""

    poems: Path
    out: Path
    taxonomy: Path | None = None
    balanced: bool = False
    seed: int = 0
    strict: bool = False
    force: bool = False


def prepare_poems(request: PoemRequest, progress: Progress = silent) -> dict[str, Any]:
    """Write the folder `request.out`, whole or not at all, and return its manifest.

    Raises HamError for files that are no poems or no taxonomy, for too few poems, with `strict` at the first faulty
    record, and where the folder cannot be written.
    """
    with write_folder(request.out, finished=MANIFEST, force=request.force) as folder:
        inputs = _inputs(request)
        raw = None if request.taxonomy is None else read_taxonomy(request.taxonomy)
        collection = read_quatrains(request.poems, strict=request.strict, progress=progress)
        split = split_poems(collection.poems, seed=request.seed, balanced=request.balanced)
        with progress("preparing", unit="poems", total=len(collection.poems)) as bar:
            found = _write_parts(folder, split, raw, bar.advance)
        manifest = {
            "schema": SCHEMA,
            "kind": KIND,
            "tool": __version__,
            "seed": request.seed,
            "split": "balanced" if request.balanced else "random",
            "strict": request.strict,
            "inputs": inputs,
            **_read(collection, split),
            **found,
        }
        write_json(folder / MANIFEST, manifest)
    return manifest


def _inputs(request: PoemRequest) -> list[dict[str, object]]:
    """Every input with its size and checksum, before it is read: a later change is then noticed."""
    files = {"poems": request.poems, "taxonomy": request.taxonomy}
    for file in files.values():
        check_readable_twice(file)
    return [
        {"part": part, "file": str(file), "bytes": file_size(file), "sha256": sha256(file)}
        for part, file in files.items()
        if file is not None
    ]


def _read(collection: Collection, split: Split) -> dict[str, Any]:
    """What came of all records: `read` = the sum of `dropped` + `shared_lines` + the poems of all parts."""
    dropped = {str(fault): count for fault, count in sorted(collection.dropped.items())}
    return {"read": collection.read, "dropped": dropped, "shared_lines": split.shared}


def _write_parts(folder: Path, split: Split, raw: RawTaxonomy | None, advance: Callable[[int], None]) -> dict[str, Any]:
    """Everything but the manifest into `folder`; its counts."""
    taxonomy = raw.taxonomy if raw else None
    lines = [line for poem in split.parts["train"] for line in poem.lines]
    characters, segmenter = rank_symbols(lines), Segmenter(lines, taxonomy)
    ranks = textrank(segmenter.segments(lines))
    characters.save(folder / "vocab.txt")
    rows = ({"segment": segment, "score": round(score, DIGITS)} for segment, score in ranks.scores.items())
    write_jsonl(folder / "segments.jsonl", rows)
    prepared: dict[str, list[PreparedPoem]] = {}
    for part in PARTS:
        poems = split.parts[part]
        prepared[part] = _segmented(poems, segmenter, ranks.scores, taxonomy)
        write_jsonl(folder / "poems" / f"{part}.jsonl", map(_value, prepared[part]))
        keywords = [one.keywords for one in prepared[part]]
        save_triples(folder / "triples" / part, make_triples([poem.lines for poem in poems], keywords, characters))
        advance(len(poems))
    if taxonomy is not None:
        _write_taxonomy(folder, taxonomy, split)
    return figures(folder, prepared, characters, ranks, raw)


DIGITS = 6
"""Decimal places of a TextRank score in segments.jsonl; the rounds end at a hundred times as much."""


def _segmented(
    poems: Sequence[Quatrain], segmenter: Segmenter, scores: Mapping[str, float], taxonomy: Taxonomy | None
) -> list[PreparedPoem]:
    segments = segmenter.segments([line for poem in poems for line in poem.lines])
    keywords = [keyword(own, scores, taxonomy) for own in segments]
    return [
        PreparedPoem(poem, tuple(segments[start : start + 4]), tuple(keywords[start : start + 4]))
        for poem, start in zip(poems, range(0, len(segments), 4), strict=True)
    ]


def _value(prepared: PreparedPoem) -> dict[str, Any]:
    """A poem as poem_folder.py reads it: segments joined are the lines."""
    poem = prepared.poem
    known = {"id": poem.id, "author": poem.author, "title": poem.title, "dynasty": poem.dynasty}
    return {**known, "segments": prepared.segments, "keywords": prepared.keywords}


def _write_taxonomy(folder: Path, taxonomy: Taxonomy, split: Split) -> None:
    themes = ({"theme": theme, "phrases": phrases} for theme, phrases in taxonomy.themes.items())
    write_jsonl(folder / "taxonomy.jsonl", themes)
    save_references(folder / "references", split.parts, taxonomy)
