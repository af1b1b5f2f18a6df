"""Runs small enough for tests: some dozen questions about made-up rivers, and a reader of width 8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from squad_builders import squad_document, squad_paragraph

from ham_mrc.config import Config, build_config, merge
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.files import read_jsonl
from ham_mrc.readers import READERS
from ham_mrc.training.log import TIMINGS

RIVERS = ("Arno", "Bure", "Cher", "Drava", "Ebro", "Fulda", "Glomma", "Havel", "Isar", "Jordan", "Kama", "Loire")
"""Each names a passage, whose three sentences stand in one of three orders."""

VECTORS = Path(__file__).parent / "data" / "river_vectors.txt"
"""Vectors of width 4 for most words of these questions, and for "Danube", which none of them holds."""

EXACT = ("model.safetensors", "predictions/dev.json", "scores.json", "vocab.txt", "config.toml")
"""Files of a run that are the same, byte for byte, however often it was interrupted."""


def river_questions(rivers: tuple[str, ...] = RIVERS) -> dict[str, Any]:
    """A SQuAD object: for each river one passage and three questions, ids NAME-length, NAME-source and NAME-mouth."""
    paragraphs = []
    for number, name in enumerate(rivers):
        length, source, mouth = f"{100 + 37 * number} km", f"Mount {name[:2]}el", f"Lake {name[-2:]}ova"
        said = [f"The {name} is {length} long.", f"It rises near {source}.", f"It ends in {mouth} at last."]
        text = " ".join(said[number % 3 :] + said[: number % 3])
        questions = [
            (f"{name}-length", f"How long is the {name}?", length),
            (f"{name}-source", f"Where does the {name} rise?", source),
            (f"{name}-mouth", f"Where does the {name} end?", mouth),
        ]
        paragraphs.append(squad_paragraph(text, *questions))
    return squad_document({"Rivers": paragraphs})


def prepare_rivers(folder: Path, content: dict[str, Any] | None = None, **settings: Any) -> Path:
    """A prepared folder FOLDER/prepared, by default split 70/30 by passage; the raw file is FOLDER/rivers.json."""
    folder.mkdir(parents=True, exist_ok=True)
    raw, out = folder / "rivers.json", folder / "prepared"
    raw.write_text(json.dumps(content or river_questions()), encoding="utf-8")
    request = {"split": "70/30", "split_by": "passage", "min_count": 1, **settings}
    prepare(Request(dataset="squad", inputs=(raw,), out=out, **request))
    return out


def tiny(**sections: dict[str, Any]) -> Config:
    """Settings that train in a fraction of a second, with `sections` over them."""
    basis: dict[str, dict[str, Any]] = {
        "reader": {"hidden": 8, "depth": 2, "dropout": 0.1, "word_match": True},
        "embeddings": {"width": 8},
        "training": {"epochs": 2, "batch_size": 8, "lr": 0.03, "schedule": "linear", "patience": 0},
    }
    return build_config(merge(basis, sections), READERS)


def log_of(run: Path) -> list[dict[str, Any]]:
    """The epochs in a run's log."""
    return [entry for _, entry in read_jsonl(run / "log.jsonl")]


def outcome(run: Path) -> dict[str, Any]:
    """Everything that an interrupted run must have in common with an unbroken one of the same name."""
    log = [{key: value for key, value in entry.items() if key not in TIMINGS} for entry in log_of(run)]
    return {"log": log, **{name: (run / name).read_bytes() for name in EXACT}}
