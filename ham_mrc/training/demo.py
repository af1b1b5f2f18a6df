"""The whole street on the sample corpus: prepare, train at two depths, predict, score, compare.

OUT/prepared/           what prepare writes
OUT/depth-1/ depth-5/   a run folder each, with predictions and scores
OUT/comparison.json     written last: the mark of a finished demo
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ham_mrc.config import Config, build_config, merge, read_preset
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.errors import HamError
from ham_mrc.eval.compare import compare
from ham_mrc.eval.comparison import Comparison, comparison_json
from ham_mrc.eval.references import load_references
from ham_mrc.eval.results import load_result
from ham_mrc.files import read_json, refuse_overwrite, sha256, write_json
from ham_mrc.progress import Progress, silent
from ham_mrc.readers import READERS
from ham_mrc.sample import sample_path
from ham_mrc.training.device import choose_device
from ham_mrc.training.loop import resume, train
from ham_mrc.training.parts import open_parts
from ham_mrc.training.predict import predict, texts_of
from ham_mrc.training.run_folder import CONFIG, VOCABULARY, open_run
from ham_mrc.training.run_reader import build_reader

SCHEMA = 1
FINISHED = "comparison.json"
PREPARED = "prepared"
PRESET = "demo"
DEPTHS = (1, 5)
EPOCHS = {"english": 4, "chinese": 5}
"""What fits into two minutes: the Chinese sample is half as large, its passages are longer."""

SHOWN = 6
"""How many questions are shown with their answers."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A question of the dev part, its first reference answer, and the answer of each run in the order of DEPTHS."""

    question: str
    reference: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo found. `untrained` are the metrics of the depth-1 reader before its first update, in per cent."""

    out: Path
    language: str
    comparison: Comparison
    untrained: Mapping[str, float]
    shown: tuple[Shown, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it as one JSON object."""
        return {
            "schema": SCHEMA,
            "out": str(self.out),
            "language": self.language,
            "untrained": dict(self.untrained),
            "shown": [asdict(one) for one in self.shown],
            "comparison": comparison_json(self.comparison),
        }


def run_demo(
    out: Path,
    *,
    language: str = "english",
    seed: int = 13,
    force: bool = False,
    limit: int | None = None,
    epochs: int | None = None,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda text: None,
) -> Demo:
    """Walk the street in the folder `out` and leave everything there. `tell` is given a line for each step.

    A demo that was stopped goes on where it was. `limit` keeps the first questions of the sample only, and `epochs`
    replaces EPOCHS. Raises HamError where `out` holds a finished demo and not `force`, or anything else.
    """
    _check_folder(out, force)
    again = (out / FINISHED).exists()
    (out / FINISHED).unlink(missing_ok=True)
    tell(f"1. prepare: the {language} sample, whole passages kept apart")
    data = _prepare(out / PREPARED, language, seed, limit, again, progress)
    configs = {depth: _config(depth, seed, epochs or EPOCHS[language]) for depth in DEPTHS}
    untrained = _untrained(data, configs[DEPTHS[0]])
    runs = []
    for number, (depth, config) in enumerate(configs.items(), 2):
        tell(f"{number}. train, predict and score: Match-LSTM, depth {depth}")
        runs.append(_train(data, out / f"depth-{depth}", config, again, progress))
    tell(f"{len(runs) + 2}. compare")
    comparison = compare([load_result(run) for run in runs])
    demo = Demo(out, language, comparison, untrained, _shown(data, runs))
    write_json(out / FINISHED, demo.to_json())
    return demo


def _check_folder(out: Path, force: bool) -> None:
    """Raise HamError if `out` may not be used. What a demo left that was stopped is no obstacle."""
    own = {PREPARED, *(f"depth-{depth}" for depth in DEPTHS)}
    if out.is_dir() and not (out / FINISHED).exists():
        names = {path.name for path in out.iterdir() if not path.name.startswith(f".{PREPARED}.")}
        if names <= own:
            return
    refuse_overwrite(out, finished=FINISHED, force=force)


def _prepare(data: Path, language: str, seed: int, limit: int | None, again: bool, progress: Progress) -> Path:
    source = sample_path(language)
    if (data / MANIFEST).exists() and not again:
        manifest = Manifest.load(data)
        if (manifest.seed, manifest.inputs[0]["sha256"]) != (seed, sha256(source)):
            raise HamError(
                "holds an unfinished demo of another language or seed", file=data.parent, remedy="choose another --out"
            )
        return data
    # By passage, so that no passage of dev was read in training: by question nearly all of them would have been.
    request = Request(
        dataset="squad", inputs=(source,), out=data, split_by="passage", limit=limit, seed=seed, force=True
    )
    prepare(request, progress)
    return data


def _config(depth: int, seed: int, epochs: int) -> Config:
    given: dict[str, dict[str, Any]] = {
        "reader": {"depth": depth},
        "training": {"seed": seed, "epochs": epochs},
        "run": {"preset": PRESET},
    }
    return build_config(merge(read_preset(PRESET), given), READERS)


def _train(data: Path, run: Path, config: Config, again: bool, progress: Progress) -> Path:
    """A finished run folder: the one that is there, the rest of one that was stopped, or a new one."""
    threads = torch.get_num_threads()
    # Matrices this small are multiplied sooner than a second thread is woken.
    torch.set_num_threads(1)
    try:
        if not again and _is_run(run, data, config):
            return resume(run, data=data, progress=progress)
        return train(data, run, config, force=True, progress=progress)
    finally:
        torch.set_num_threads(threads)


def _is_run(run: Path, data: Path, config: Config) -> bool:
    if not (run / CONFIG).exists():
        return False
    found = open_run(run)
    return found.config == config and found.facts["manifest_sha256"] == sha256(data / MANIFEST)


def _untrained(data: Path, config: Config) -> Mapping[str, float]:
    """What the fresh weights of a reader score on dev."""
    vocabulary = Manifest.load(data).load_vocabulary(data / VOCABULARY)
    settings, parts = config.training, open_parts(data)
    device = choose_device(settings.device, settings.precision)
    found = predict(
        build_reader(config, vocabulary, None).to(device.torch),
        parts.columns["dev"],
        parts.form,
        device,
        batch_size=settings.eval_batch_size,
        max_answer_tokens=settings.max_answer_tokens,
    )
    return parts.score("dev", texts_of(found, None)).metrics


def _shown(data: Path, runs: list[Path]) -> tuple[Shown, ...]:
    """Some questions of dev, taken at even distances."""
    references = load_references(data / "dev" / "references.json")
    answers = [read_json(run / "predictions" / "dev.json") for run in runs]
    count = len(references.ids)
    places = sorted({i * count // SHOWN for i in range(SHOWN)})
    return tuple(
        Shown(
            references.questions[i] or "",
            references.answers[i][0],
            tuple(answer[references.ids[i]] for answer in answers),
        )
        for i in places
    )
