"""Can every reader learn at every depth? 64 real questions by heart, and the same questions with broken labels.

    python benchmarks/overfit.py train-v1.1.json
    python benchmarks/overfit.py train-v1.1.json --readers bidaf match-lstm --depths 1 5 --device cuda

A reader that cannot learn 64 questions by heart has a fault, and so has one that learns what cannot be learnt. So each
is trained twice from the same weights, without dropout:

    true      the questions' own labels, until the exact match on them reaches the target (98)
    broken    for as many updates, each question with the span of another question on the same passage, of another one
              in every update: all that a reader could still learn is to look at the label itself

and both are scored on the true labels. (Wrong labels that stay the same can be learnt by heart like any others, which
says nothing.) Word vectors are random and trained, so the questions' file is all that is needed. Questions take part
whose passage has at least three different labels, from the beginning of the file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TARGET = 98.0
PRESETS = {"bidaf": "bidaf-strong", "match-lstm": "match-lstm-strong", "r-net": "r-net-strong"}
"""The form of each reader that is meant for this; --preset NAME runs another one."""


def main() -> None:
    """Print one row a reader and depth; exit 1 where one does not learn the true labels, or learns the broken ones."""
    options = parse()
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare_file(options, Path(scratch))
        names = options.presets or [PRESETS[name] for name in options.readers]
        print(f"{count_questions(prepared, options)} questions of {options.file.name}, hidden {options.hidden}")
        print(
            "  ".join(
                f"{name:>18}"
                for name in ("preset", "depth", "EM true labels", "updates", "seconds", "EM broken labels")
            )
        )
        good = True
        for name in names:
            for depth in options.depths:
                good &= run(name, depth, prepared, options)
    raise SystemExit(0 if good else 1)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Every reader at several depths on a few questions, by heart.")
    parser.add_argument("file", type=Path, help="a SQuAD 1.1 file")
    parser.add_argument("--readers", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--presets", nargs="+", help="instead of the readers' usual ones")
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=48)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--updates", type=int, default=800, help="give up after so many")
    parser.add_argument("--lr", type=float, default=4e-3, help="of Adam")
    parser.add_argument("--max-passage-tokens", type=int, default=150, help="passages are cut there")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def prepare_file(options: argparse.Namespace, folder: Path) -> Path:
    """The first questions of the file as a prepared folder; every word of the training part is trained."""
    from ham_mrc.data_prep.prepare import prepare
    from ham_mrc.data_prep.request import Request

    out = folder / "prepared"
    prepare(
        Request(
            dataset="squad",
            inputs=(options.file,),
            out=out,
            limit=4 * options.questions,
            split="90/10",
            split_by="passage",
            min_count=1,
            max_passage_tokens=options.max_passage_tokens,
            workers=1,
        )
    )
    return out


def count_questions(prepared: Path, options: argparse.Namespace) -> int:
    """How many take part: passages are whole, so it is a few more than were asked for."""
    from ham_mrc.data_prep.shards import Columns

    return sum(map(len, batches_with_rivals(Columns.open(prepared / "train"), options.questions, options.batch_size)))


def run(preset: str, depth: int, prepared: Path, options: argparse.Namespace) -> bool:
    """Train one reader at one depth on true and on broken labels, print the row, and say whether it is as it should."""
    import torch

    torch.set_num_threads(options.threads)
    reader, batches = build(preset, depth, prepared, options)
    begun = time.perf_counter()
    updates = train(reader, batches, options, lambda batch, _: batch)
    learnt, seconds = exact_match(reader, batches), time.perf_counter() - begun
    reader, _ = build(preset, depth, prepared, options)
    train(reader, batches, options, with_other_spans, stop_after=updates)
    broken = exact_match(reader, batches)
    cells = (f"{learnt:.1f}", updates, f"{seconds:.0f}", f"{broken:.1f}")
    print("  ".join(f"{cell:>18}" for cell in (preset, depth, *cells)), flush=True)
    return learnt >= TARGET and broken < TARGET / 2


def build(preset: str, depth: int, prepared: Path, options: argparse.Namespace) -> tuple[Any, list[Any]]:
    """A reader as its preset has it, small and without dropout, and its batches, each of whole passages."""
    import torch

    from ham_mrc.config import build_config, merge, read_preset
    from ham_mrc.data_prep.characters import CHARACTERS, Alphabet
    from ham_mrc.data_prep.manifest import Manifest
    from ham_mrc.data_prep.shards import Columns
    from ham_mrc.readers import READERS
    from ham_mrc.training.batches import Form, make_batch
    from ham_mrc.training.run_reader import build_reader

    manifest, columns = Manifest.load(prepared), Columns.open(prepared / "train")
    alphabet = Alphabet.load(prepared / CHARACTERS)
    own = {
        "reader": {"depth": depth, "hidden": options.hidden, "dropout": 0.0},
        "embeddings": {"width": options.hidden},
    }
    config = build_config(merge(read_preset(preset), own), READERS)
    reader: Any = build_reader(config, manifest.load_vocabulary(prepared / "vocab.txt"), None, characters=len(alphabet))
    form = Form.of(manifest.reading, alphabet, reader.characters)
    device = torch.device(options.device)
    parts = batches_with_rivals(columns, options.questions, options.batch_size)
    return reader.to(device), [make_batch(columns, rows, form).to(device) for rows in parts]


def batches_with_rivals(columns: Any, count: int, batch_size: int) -> list[Any]:
    """Rows of the first questions, `count` or a few more, in batches that never part those of one passage.

    A passage takes part where its questions have three different labels or more.
    """
    import numpy as np

    from ham_mrc.training.batches import labelled_rows

    by_passage: dict[str, list[int]] = {}
    for row in labelled_rows(columns).tolist():
        by_passage.setdefault(columns.passage_text(int(columns.question_passage[row])), []).append(row)
    batches: list[list[int]] = [[]]
    for rows in by_passage.values():
        if len({(int(columns.start[row]), int(columns.end[row])) for row in rows}) < 3:
            continue
        if len(batches[-1]) >= batch_size:
            batches.append([])
        batches[-1] += rows
        if sum(map(len, batches)) >= count:
            return [np.array(rows) for rows in batches]
    raise SystemExit(f"{sum(map(len, batches))} questions have rivals on their passage, and {count} are due")


def train(
    reader: Any,
    batches: Sequence[Any],
    options: argparse.Namespace,
    label: Callable[[Any, int], Any],
    stop_after: int = 0,
) -> int:
    """Train until the exact match on the batches reaches TARGET, or for `stop_after` updates; how many it were."""
    import torch

    from ham_mrc.config import TrainingSettings
    from ham_mrc.layers.union import span_losses
    from ham_mrc.training.optimizer import build_optimizer

    optimizer = build_optimizer(reader, TrainingSettings(optimizer="adam", lr=options.lr))
    limit = stop_after or options.updates
    for update in range(limit):
        if update % len(batches) == 0 and not stop_after and exact_match(reader, batches) >= TARGET:
            return update
        batch = label(batches[update % len(batches)], update)
        losses = span_losses(*reader(batch), batch.passage_mask, batch.owner, batch.row, batch.start, batch.end)
        optimizer.zero_grad()
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimizer.step()
    return limit


def with_other_spans(batch: Any, update: int) -> Any:
    """Each question with the span of another one on the same passage, of another one in every update."""
    import torch

    source = torch.Generator().manual_seed(update)
    passages = [tuple(row) for row in batch.passage.tolist()]
    other = list(range(len(passages)))
    for passage in set(passages):
        mine = [b for b, own in enumerate(passages) if own == passage]
        turn = int(torch.randint(1, max(2, len(mine)), (), generator=source))
        for i, b in enumerate(mine):
            other[b] = mine[(i + turn) % len(mine)]
    return batch._replace(start=batch.start[other], end=batch.end[other])


def exact_match(reader: Any, batches: Sequence[Any]) -> float:
    """The percentage of questions whose best span is the true one."""
    import torch

    from ham_mrc.layers.union import best_spans

    reader.eval()
    right = total = 0
    with torch.inference_mode():
        for batch in batches:
            start, end = reader(batch)
            spans = best_spans(start, end, batch.passage_mask, batch.owner, batch.segment, batch.questions, 1000)
            found = (spans.row[:, 0] == batch.row) & (spans.start[:, 0] == batch.start) & (spans.end[:, 0] == batch.end)
            right, total = right + int(found.sum()), total + len(found)
    reader.train()
    return 100 * right / total


if __name__ == "__main__":
    main()
