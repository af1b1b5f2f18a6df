"""Writes the sample corpus that ships in ham_mrc/sample/, from the tables of facts and phrasings in scripts/sample/.

    python scripts/make_sample.py               write the files into ham_mrc/sample/
    python scripts/make_sample.py --out DIR     write them into another folder

The same tables give the same texts on every machine: the files are part of the repository, and a test makes them again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from sample.corpus import HERE, LANGUAGES, make_corpus  # noqa: E402
from sample.draws import Draws  # noqa: E402
from sample.dureader import record  # noqa: E402
from sample.facts import load_kinds  # noqa: E402
from sample.msmarco import columns, row  # noqa: E402
from sample.segment import Segmenter, load_words  # noqa: E402
from sample.several import queries  # noqa: E402
from sample.squad import squad  # noqa: E402

SEED = 13


def main() -> int:
    """Write every file and say how large it is."""
    parser = argparse.ArgumentParser(description="Write the sample corpus.")
    parser.add_argument("--out", type=Path, default=ROOT / "ham_mrc" / "sample", help="folder to write to")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [_write(folder / name, text) for name, text in contents().items()]
    print(f"{sum(sizes):,} bytes in all")
    return 0


def contents() -> dict[str, str]:
    """File name -> text of each file, before it is packed."""
    english, chinese = (make_corpus(language, SEED) for language in LANGUAGES.values())
    asked = list(queries(english, Draws(f"msmarco/{SEED}"), each=2, passages=4, first=100_001, unanswered=0.04))
    searched = queries(chinese, Draws(f"dureader/{SEED}"), each=3, passages=3, first=200_001)
    segmenter = _segmenter()
    return {
        "english.squad.json.gz": _json(squad(english, LANGUAGES["english"].prefix)),
        "english.msmarco-v1.1.jsonl.gz": _lines(row(query) for query in asked),
        "english.msmarco-v2.1.json.gz": _json(columns(asked)),
        "chinese.squad.json.gz": _json(squad(chinese, LANGUAGES["chinese"].prefix)),
        "chinese.dureader.jsonl.gz": _lines(record(query, segmenter) for query in searched),
    }


def _segmenter() -> Segmenter:
    """A segmenter that knows every name and value of the Chinese tables as a word."""
    entities = [entity for kind in load_kinds(HERE / "chinese") for entity in kind.entities]
    values = [value for entity in entities for value in (entity.name, *entity.values.values())]
    # A title is a word without its brackets, which are words of their own.
    known = [form.strip("《》") for value in values for form in value.forms]
    return load_words(HERE / "chinese" / "words.txt", known)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _lines(values: Iterable[Any]) -> str:
    return "".join(_json(value) for value in values)


def _write(path: Path, text: str) -> int:
    # No time of day and no name in the header: the same text gives the same bytes.
    data = gzip.compress(text.encode("utf-8"), 9, mtime=0)
    path.write_bytes(data)
    print(f"{path}: {len(data):,} bytes, {len(text.encode('utf-8')):,} unpacked")
    return len(data)


if __name__ == "__main__":
    sys.exit(main())
