"""`ham-mrc bench` under the conditions that public programs were measured in, as Markdown for benchmarks/README.md.

    python benchmarks/readers.py
    python benchmarks/readers.py --presets match-lstm-small --passage 150 --question 15 --depths 1 5 20 --readable

Passage 300, question 20, batch 32, frozen 50-wide vectors, one thread. `--readable` adds, for readers that have one,
the form of the match that goes through the passage as the paper writes it, one token after the other with autograd's
own backward pass: what layers/scan.py and the compiled form of it save is the difference.
"""

from __future__ import annotations

import argparse
import sys

from ham_mrc.cli.bench import bench_document, reader_cells
from ham_mrc.cli.progress import reporter
from ham_mrc.tables import to_markdown
from ham_mrc.training.bench import Conditions, run_bench
from ham_mrc.training.bench_reader import Sizes

PRESETS = ["match-lstm-strong", "bidaf-strong", "r-net-strong"]


def main() -> None:
    """Print one row a preset, depth and form; exit code 1 if one could not be measured."""
    options = parse()
    forms = (False, True) if options.readable else (False,)
    cells = reader_cells(options.presets, options.depths, options.set, forms)
    sizes = Sizes(options.passage, options.question, options.batch_size)
    native = False if options.no_native else None
    conditions = Conditions(sizes, options.threads, "cpu", options.precision, options.repeats, native=native)
    found = run_bench(cells, conditions, progress=reporter())
    for table in bench_document(found).tables:
        print(to_markdown(table))
    sys.exit(any(result.failed for result in found.results))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Speed and memory of the readers at several depths.")
    parser.add_argument("--presets", nargs="+", default=PRESETS)
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 10, 20])
    parser.add_argument("--passage", type=int, default=300, help="passage tokens")
    parser.add_argument("--question", type=int, default=20, help="question tokens")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--repeats", type=int, default=5, help="the fastest of so many runs counts")
    parser.add_argument("--readable", action="store_true", help="also time the readable form of the match scan")
    parser.add_argument("--no-native", action="store_true", help="torch alone, no compiled layers")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="any one setting: section.key=value")
    return parser.parse_args()


if __name__ == "__main__":
    main()
