"""Match-LSTM's speed and peak memory in training and prediction, by depth, against a yard in the same process.

    python benchmarks/match_lstm.py
    python benchmarks/match_lstm.py --depths 1 5 20 --passage 300 --hidden 150 --threads 1

One yard is a one-layer bidirectional torch.nn.LSTM (input 50, hidden 150, batch 32, the same passage length), forward
and backward. Ratios to it carry over between machines; seconds do not. A step is forward, backward and optimiser on
one batch of 32 questions with frozen 50-wide vectors. `readable` is the same reader with the recurrence as the paper
writes it (no layers/scan.py), so both forms stand side by side. Every row is a process of its own: peak memory is its.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH, WIDTH, WORDS = 32, 50, 20_000
YARD_HIDDEN = 150


def main() -> None:
    """Print one row a depth and form."""
    options = parse()
    if options.row:
        print(json.dumps(measure(options)))
        return
    head = ("depth", "form", "step s", "yards", "train ex/s", "predict s", "yards", "predict ex/s", "peak MB")
    print(f"passage {options.passage}, question {options.question}, hidden {options.hidden}, threads {options.threads}")
    print("  ".join(f"{name:>12}" for name in head))
    for depth in options.depths:
        for form in ("fast", "readable") if options.readable else ("fast",):
            row = run_row(options, depth, form)
            cells = (depth, form, row["step"], row["step"] / row["yard"], BATCH / row["step"])
            cells += (row["predict"], row["predict"] / row["yard"], BATCH / row["predict"], row["peak_mb"])
            texts = (f"{cell:>12.3f}" if isinstance(cell, float) else f"{cell:>12}" for cell in cells)
            print("  ".join(texts), flush=True)


def parse() -> argparse.Namespace:
    """The command line; `--row` is how the benchmark calls itself."""
    parser = argparse.ArgumentParser(description="Speed and memory of Match-LSTM at several depths.")
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--passage", type=int, default=150, help="passage tokens")
    parser.add_argument("--question", type=int, default=15, help="question tokens")
    parser.add_argument("--hidden", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5, help="the fastest of so many runs counts")
    parser.add_argument("--readable", action="store_true", help="also time the readable form of the recurrence")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_row(options: argparse.Namespace, depth: int, form: str) -> dict[str, float]:
    """Measure one depth and form in a process of its own."""
    kept = ("passage", "question", "hidden", "threads", "repeats")
    arguments = [text for name in kept for text in (f"--{name}", str(getattr(options, name)))]
    command = [sys.executable, __file__, *arguments, "--depths", str(depth), "--row", form]
    row: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return row


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a yard, a training step and a prediction, and the peak memory of this process."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(13)
    reader, batch = build(options)
    optimizer = torch.optim.Adamax(reader.parameters(), 2e-3)
    yard = fastest(lambda: run_yard(options.passage), options.repeats)
    step = fastest(lambda: train_step(reader, optimizer, batch), options.repeats)
    predict = fastest(lambda: predict_step(reader, batch), options.repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    return {"yard": yard, "step": step, "predict": predict, "peak_mb": peak}


def build(options: argparse.Namespace) -> tuple[Any, Any]:
    """A reader as `match-lstm-small` sets it, and one full batch of random ids."""
    import torch

    from ham_mrc.layers.embedding import WordEmbedding
    from ham_mrc.readers.batch import Batch
    from ham_mrc.readers.match_lstm import MatchLSTM

    embedding = WordEmbedding(WIDTH, WORDS, torch.randn(WORDS, WIDTH))
    settings: dict[str, Any] = {"bidirectional": True, "word_match": True, "two_way_pointer": True, "dropout": 0.2}
    reader = MatchLSTM(embedding, depth=options.depths[0], hidden=options.hidden, **settings)
    reader.match.fast = options.row == "fast"
    start = torch.randint(0, options.passage, (BATCH,))
    batch = Batch(
        passage=torch.randint(2, WORDS, (BATCH, options.passage)),
        question=torch.randint(2, WORDS, (BATCH, options.question)),
        passage_lengths=torch.full((BATCH,), options.passage),
        question_lengths=torch.full((BATCH,), options.question),
        start=start,
        end=start,
        index=torch.arange(BATCH),
    )
    return reader, batch


def fastest(work: Callable[[], None], repeats: int) -> float:
    """Seconds of the fastest of `repeats` runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def run_yard(passage: int) -> None:
    """Forward and backward of the yardstick."""
    import torch

    lstm = torch.nn.LSTM(WIDTH, YARD_HIDDEN, batch_first=True, bidirectional=True)
    outputs, _ = lstm(torch.randn(BATCH, passage, WIDTH))
    outputs.sum().backward()


def train_step(reader: Any, optimizer: Any, batch: Any) -> None:
    """One update."""
    from ham_mrc.layers.pointer import span_loss

    reader.train()
    start, end = reader(batch)
    loss = span_loss(start, end, batch.passage_mask, batch.start, batch.end)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def predict_step(reader: Any, batch: Any) -> None:
    """The best span of every question."""
    import torch

    from ham_mrc.layers.pointer import best_spans

    reader.eval()
    with torch.inference_mode():
        start, end = reader(batch)
        best_spans(start, end, batch.passage_mask, 15)


if __name__ == "__main__":
    main()
