"""Writes tests/data/gate/: what .ci/run scores to see that no figure of SQuAD 1.1 has become worse.

    python scripts/make_gate.py                 write predictions.json, references.json and baseline.json
    python scripts/make_gate.py --out DIR       write them into another folder

References are every twelfth passage of the English sample, with its six questions. Predictions follow a rule, so that
every part of the metrics has work to do: by turns the question's first answer as it stands; its last one with an
article, in capitals and with a full stop; the sentence that holds it; its first word; the next question's answer.
The baseline is what `ham-mrc eval --save` makes of the two. Run it again only where figures are meant to change.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "ham_mrc" / "sample" / "english.squad.json.gz"
EVERY = 12


def main() -> int:
    """Write the three files and say how large they are."""
    parser = argparse.ArgumentParser(description="Write the files of the project's own check of its figures.")
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "data" / "gate", help="folder to write to")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    references = every_twelfth(json.loads(gzip.decompress(SAMPLE.read_bytes())))
    files = [folder / name for name in ("predictions.json", "references.json", "baseline.json")]
    _write(files[0], predictions(references))
    _write(files[1], references)
    command = [sys.executable, "-m", "ham_mrc", "eval", *map(str, files[:2]), "--save", str(files[2])]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    print(f"{sum(file.stat().st_size for file in files):,} bytes in all")
    return 0


def every_twelfth(corpus: dict[str, Any]) -> dict[str, Any]:
    """The corpus with one passage of twelve, in articles of their own titles."""
    passages = [(article["title"], paragraph) for article in corpus["data"] for paragraph in article["paragraphs"]]
    data = [{"title": title, "paragraphs": [paragraph]} for title, paragraph in passages[::EVERY]]
    return {"version": corpus["version"], "data": data}


def predictions(references: dict[str, Any]) -> dict[str, str]:
    """{id: text} by the rule."""
    paragraphs = [paragraph for article in references["data"] for paragraph in article["paragraphs"]]
    asked = [(paragraph["context"], qa) for paragraph in paragraphs for qa in paragraph["qas"]]
    return {
        qa["id"]: _prediction(place, passage, qa["answers"], asked[(place + 1) % len(asked)][1]["answers"])
        for place, (passage, qa) in enumerate(asked)
    }


def _prediction(place: int, passage: str, own: list[dict[str, Any]], following: list[dict[str, Any]]) -> str:
    first: str = own[0]["text"]
    start: int = own[0]["answer_start"]
    sentence = passage[passage.rfind(". ", 0, start) + 1 : start] + passage[start:].split(". ")[0]
    texts = (first, f"The {own[-1]['text'].upper()}.", sentence.strip(), first.split()[0], following[0]["text"])
    return str(texts[place % len(texts)])


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
