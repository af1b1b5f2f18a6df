"""Finished run folders without any training: made-up questions, answers that are right to order, logs by formula."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from squad_builders import squad_document, squad_paragraph

from ham_mrc.eval.references import load_references
from ham_mrc.eval.results import save_result
from ham_mrc.eval.score import score_predictions
from ham_mrc.files import write_jsonl

HOSTILE = '<script>document.title = "run"</script><img src=x onerror="document.title=1"> & </script> "quoted"'
"""What must be shown as it stands."""

_WORDS = ("river", "town", "bridge", "valley", "castle", "harbour", "garden", "market", "tower", "forest", "island")


def many_questions(count: int, passage_words: int = 120, seed: int = 1) -> dict[str, Any]:
    """A SQuAD object of `count` questions, five on each passage; every answer stands in its passage."""
    rng = random.Random(seed)
    starts = ("What", "Who", "When", "Where", "How many", "Which", "Why")
    paragraphs = []
    for number in range((count + 4) // 5):
        words = [f"{rng.choice(_WORDS)}{rng.randrange(2000)}" for _ in range(passage_words)]
        text = " ".join(words)
        questions = []
        for place in range(5 * number, min(5 * number + 5, count)):
            at = rng.randrange(passage_words - 3)
            answer = " ".join(words[at : at + rng.randrange(1, 4)])
            questions.append((f"q{place:05}", f"{starts[place % 7]} stands near the {words[at - 1]}?", answer))
        paragraphs.append(squad_paragraph(text, *questions))
    return squad_document({"Places": paragraphs})


def write_data(folder: Path, document: dict[str, Any]) -> Path:
    """What of a prepared folder a report reads: the references of dev."""
    (folder / "dev").mkdir(parents=True)
    (folder / "dev" / "references.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def write_run(
    folder: Path, data: Path, answers: dict[str, str], *, depth: int = 1, seed: int = 13, reader: str = "match-lstm"
) -> Path:
    """A finished run that gave `answers`. Its levels from 4 on change by 1e-4, those before by more than 1e-3."""
    (folder / "predictions").mkdir(parents=True)
    (folder / "predictions" / "dev.json").write_text(json.dumps(answers), encoding="utf-8")
    config = {"data": {"folder": str(data), "dataset": "squad"}}
    (folder / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    references = load_references(data / "dev" / "references.json", "squad")
    scores = score_predictions(answers, references)
    log = [_epoch(epoch, depth, seed, scores.metrics) for epoch in (1, 2, 3)]
    write_jsonl(folder / "log.jsonl", log)
    run = {"reader": reader, "depth": depth, "part": "dev", "seed": seed}
    save_result(folder / "scores.json", scores, name=folder.name, run=run)
    return folder


def _epoch(epoch: int, depth: int, seed: int, metrics: Any) -> dict[str, Any]:
    level = range(1, depth + 1)
    weights = [0.5**i for i in level]
    levels = [
        {
            "weight": weights[i - 1] / sum(weights),
            "change": None if i == 1 else (0.3 / 4**i if i < 4 else 1e-4),
            "entropy": 1 - 0.2 / 3**i,
            "spread": 0.2 / 5**i,
        }
        for i in level
    ]
    return {
        "epoch": epoch,
        "loss": 6 / epoch + 0.01 * (seed % 5),
        "scores": {"dev": {name: value * (0.6 + 0.2 * min(epoch, 2)) for name, value in metrics.items()}},
        "best": epoch == 2,
        "levels": {"match": levels},
    }


def gold_of(document: dict[str, Any]) -> dict[str, str]:
    """The first gold answer to every question."""
    paragraphs = (paragraph for article in document["data"] for paragraph in article["paragraphs"])
    return {qa["id"]: qa["answers"][0]["text"] for paragraph in paragraphs for qa in paragraph["qas"]}


def mostly_right(gold: dict[str, str], share: float, seed: int) -> dict[str, str]:
    """The gold answer to about `share` of the questions, another question's to the others."""
    rng, others = random.Random(seed), list(gold.values())
    return {key: text if rng.random() < share else rng.choice(others) for key, text in gold.items()}


def write_runs(
    folder: Path, document: dict[str, Any], depths: Sequence[int], seeds: Iterable[int] = (13,)
) -> list[Path]:
    """A run for every depth and seed, a little better with depth, and the data they name."""
    data, gold = write_data(folder / "data", document), gold_of(document)
    runs = []
    for depth in depths:
        for seed in seeds:
            answers = mostly_right(gold, 0.6 + 0.01 * depth, seed)
            runs.append(write_run(folder / f"d{depth}-s{seed}", data, answers, depth=depth, seed=seed))
    return runs


def write_trace(path: Path, document: dict[str, Any], ids: Sequence[str], answers: dict[str, str], depth: int) -> Path:
    """A trace as `predict --trace` writes it, of a run by `write_run` of this depth.

    At level l, from 0, word p of the passage gives 1 - 0.1 l to word p + l of the question, the rest to the first.
    """
    asked = {
        qa["id"]: (qa["question"], paragraph["context"])
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    }
    weights = [0.5**i for i in range(1, depth + 1)]
    lines = []
    for name in ids:
        question, passage = (text.split() for text in asked[name])
        levels = [
            [_row(place + level, len(question), level) for place in range(len(passage))] for level in range(depth)
        ]
        site = {
            "weights": [round(weight / sum(weights), 4) for weight in weights],
            "queries": "passage",
            "keys": "question",
            "rows": [{"row": 0, "direction": way, "levels": levels} for way in ("forward", "backward")],
        }
        line = {"schema": 1, "id": name, "answer": answers[name], "question": question}
        lines.append({**line, "rows": [{"passages": [0], "tokens": passage}], "sites": {"match": site}})
    write_jsonl(path, lines)
    return path


def _row(place: int, keys: int, level: int) -> list[float]:
    row = [0.0] * keys
    row[place % keys] += round(1 - 0.1 * level, 4)
    row[0] += round(0.1 * level, 4)
    return row
