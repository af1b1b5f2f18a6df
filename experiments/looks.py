"""Does attention ask what it is asked? For every level: how many words of a passage look elsewhere than the others do.

    ham-mrc predict RUN DATA --out answers.json --trace trace.jsonl --trace-first 40
    python experiments/looks.py trace.jsonl

A word of the passage looks at the word of the question that has most of its weight. Of each question (and direction,
where there are two) the place that most words look at is taken; counted is who looks at another one.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main() -> None:
    """Print a line for each site, and what level 1 looks at."""
    parser = argparse.ArgumentParser(description="How many passage words look elsewhere than the others.")
    parser.add_argument("trace", type=Path, help="what predict --trace wrote")
    others: dict[str, list[list[int]]] = {}
    seen: dict[str, Counter[str]] = {}
    for traced in read(parser.parse_args().trace):
        for site, found in traced["sites"].items():
            if found["keys"] != "question" or found["queries"] != "passage":
                continue
            for row in found["rows"]:
                for level, words in enumerate(row["levels"]):
                    places = Counter(max(range(len(weights)), key=weights.__getitem__) for weights in words)
                    ((commonest, count),) = places.most_common(1)
                    sums = others.setdefault(site, [])
                    sums += [[0, 0]] * (level == len(sums))
                    sums[level] = [sums[level][0] + len(words) - count, sums[level][1] + len(words)]
                    if level == 0:
                        seen.setdefault(site, Counter())[traced["question"][commonest]] += 1
    for site, sums in others.items():
        shares = ", ".join(f"{100 * part / whole:.1f}" for part, whole in sums)
        words_seen = ", ".join(f"{word} {count}" for word, count in seen[site].most_common(8))
        print(f"{site}: {shares} % of passage words look elsewhere, level by level; level 1 looks at: {words_seen}")


def read(file: Path) -> Iterator[dict[str, Any]]:
    """The traced questions."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
