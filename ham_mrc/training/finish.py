"""The end of a run: the best epoch's answers to the parts that are kept for it, and their scores."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ham_mrc.config import Config
from ham_mrc.eval.results import save_result
from ham_mrc.files import write_json, write_jsonl
from ham_mrc.records import Scores
from ham_mrc.training.checkpoint import load_weights
from ham_mrc.training.official import suffix, write_official
from ham_mrc.training.parts import Parts
from ham_mrc.training.predict import texts_of
from ham_mrc.training.run_folder import FINISHED, LOG, PREDICTIONS, THRESHOLD, WEIGHTS
from ham_mrc.training.threshold import no_answer_probabilities, save_threshold

if TYPE_CHECKING:
    from ham_mrc.training.training import Training


def finish(training: Training) -> None:
    """Predict and score with the best weights; scores.json comes last and marks the run as finished."""
    run = training.run
    parts: Parts = training.parts
    write_jsonl(run.path / LOG, training.progressed.log)  # a run killed before its last log line comes here anew
    load_weights(run.path / WEIGHTS, training.reader)
    threshold = best_threshold(training.progressed.log)
    if threshold is not None:
        save_threshold(run.path / THRESHOLD, threshold, part=parts.chooser, metric=parts.metric)
    scores: dict[str, Scores] = {}
    for part in parts.predicted:
        with training.progress(f"predicting {part}", total=len(parts.columns[part]), unit="questions") as bar:
            found = training.answer(part, bar)
        texts = texts_of(found, threshold)
        write_official(run.path / PREDICTIONS / f"{part}{suffix(parts.dataset)}", parts.official(part, texts))
        if threshold is not None:
            chances = no_answer_probabilities(parts.columns[part], found)
            write_json(run.path / PREDICTIONS / f"{part}.na_prob.json", chances)
        scores[part] = parts.score(part, texts)
    save_result(run.path / FINISHED, scores[parts.reported], name=run.path.resolve().name, run=run_settings(training))


def best_threshold(log: list[dict[str, Any]]) -> float | None:
    """The threshold of "no answer" of the best epoch, None for a reader without a null position."""
    found: float | None = [entry for entry in log if entry["best"]][-1].get("threshold")
    return found


def run_settings(training: Training) -> dict[str, Any]:
    """What `compare` shows of a run and groups runs by: settings alone, nothing measured."""
    config = training.run.config
    assert isinstance(config, Config)
    main = {"reader": config.reader, "preset": config.preset, "part": training.parts.reported}
    return {**main, **config.reader_settings, **asdict(config.embeddings), **asdict(config.training)}
