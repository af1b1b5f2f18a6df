"""`ham-mrc prepare` on inputs of any size: seconds, memory of all its processes together, and whether workers matter.

    python benchmarks/prepare.py
    python benchmarks/prepare.py --sizes 0.1 --datasets squad --squad train-v1.1.json --workers 1 2 4

An input is made of the records of one file (the sample corpus where none is named), which are held in memory and
repeated with new ids until it has the size. Each copy's passages and titles end in the copy's number, in passages digit
by digit: so they are different texts, as in a real corpus, while the vocabulary stays what it is. One GB is 10^9 bytes.

Peak is the largest sum over the process and its workers at one time of what they hold of memory, pages that several
share counted once in all (Linux's PSS), looked at every 50 ms; `parent` and `worker` are the largest that the system
noted of the process itself and of any worker. CPU seconds are of all of them. Output is compared byte by byte between
numbers of workers. One input and one output lie on the disk at a time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.json_stream import parse_record
from ham_mrc.files import sha256, to_json
from ham_mrc.sample import sample_path

COPY, DIGITS, WORDS = "@COPY@", "@DIGITS@", "@WORDS@"
"""Where a copy's number goes in the JSON of a record: as it is, digit by digit, and as words of a list."""
INTERVAL = 0.05  # seconds
COLUMNS = ("input", "GB", "workers", "wall s", "CPU s", "MB/s", "MB/s core", "peak MB", "to first", "parent", "worker")


class Kind(NamedTuple):
    """A layout: its dataset, a sample of it, what becomes new in each copy of a record, and how records are written."""

    dataset: str
    sample: str
    mark: Callable[[dict[str, Any]], object]
    write: Callable[[BinaryIO, list[dict[str, Any]], int], None]


class Run(NamedTuple):
    """One preparation. Bytes are None where the system does not tell; `output` stands for the content of the folder."""

    wall: float
    cpu: float
    peak: int | None
    parent: int | None
    worker: int | None
    output: str


def main() -> None:
    """Print a row for each input and number of workers, and whether outputs were the same."""
    options = parse()
    print("  ".join(f"{name:>12}" for name in COLUMNS))
    outputs: dict[tuple[str, float], set[str]] = {}
    for name in options.datasets:
        peaks: dict[int, int] = {}
        records = list(marked(name, getattr(options, KINDS[name].dataset)))
        for size in sorted(options.sizes):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                raw = Path(folder) / "raw.json"
                with raw.open("wb") as stream:
                    KINDS[name].write(stream, records, round(size * 1e9))
                for workers in options.workers:
                    run = prepare(KINDS[name].dataset, raw, workers)
                    outputs.setdefault((name, size), set()).add(run.output)
                    first = peaks.setdefault(workers, run.peak or 0)
                    show(name, raw.stat().st_size / 1e6, workers, run, first)
    different = [f"{name} {size:g} GB" for (name, size), found in outputs.items() if len(found) > 1]
    workers = " and ".join(map(str, options.workers))
    print(f"output with {workers} workers: {f'DIFFERENT for {different}' if different else 'the same bytes'}")
    sys.exit(bool(different))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Speed, memory and output of ham-mrc prepare by size of input.")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 2, 4], metavar="GB", help="of the inputs")
    parser.add_argument("--datasets", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of processes to compare")
    for dataset in dict.fromkeys(kind.dataset for kind in KINDS.values()):
        parser.add_argument(f"--{dataset}", type=Path, metavar="FILE", help="whose records are repeated")
    parser.add_argument("--folder", type=Path, help="where inputs and outputs lie meanwhile; the system's if not given")
    return parser.parse_args()


def show(name: str, megabytes: float, workers: int, run: Run, first: int) -> None:
    """One row; `first` is the peak with so many workers on the smallest input."""
    cells = [name, f"{megabytes / 1e3:.3f}", str(workers), f"{run.wall:.1f}", f"{run.cpu:.1f}"]
    cells += [f"{megabytes / run.wall:.2f}", f"{megabytes / run.cpu:.2f}"]
    cells += [in_megabytes(run.peak), f"{run.peak / first:.2f}" if run.peak else "-"]
    cells += [in_megabytes(run.parent), in_megabytes(run.worker)]
    print("  ".join(f"{cell:>12}" for cell in cells), flush=True)


def in_megabytes(size: int | None) -> str:
    """Bytes as a cell."""
    return f"{size / 1e6:.0f}" if size else "-"


def marked(name: str, file: Path | None) -> Iterator[dict[str, Any]]:
    """The records of a file, or of the sample, with marks where each copy of them will be different."""
    kind = KINDS[name]
    file = file or sample_path(kind.sample)
    for record in DATASETS[kind.dataset].cut(file):
        value = parse_record(record, file)
        kind.mark(value)
        yield value


def mark_squad(article: dict[str, Any]) -> None:
    """New ids, passages and titles. Nothing moves in a passage, so offsets stay right."""
    article["title"] = f"{article.get('title', '')} {COPY}"
    for paragraph in article["paragraphs"]:
        paragraph["context"] += f" {DIGITS}"
        for question in paragraph["qas"]:
            question["id"] += f"-{COPY}"


def mark_query(query: dict[str, Any]) -> None:
    """New ids and passages of an MS MARCO query."""
    query["query_id"] = new_id(query["query_id"])
    for passage in query["passages"]:
        passage["passage_text"] += f" {DIGITS}"


def mark_line(query: dict[str, Any]) -> None:
    """A query as version 1.1 has it."""
    mark_query(query)
    query.pop("wellFormedAnswers", None)
    query["query_type"] = query["query_type"].lower()


def mark_row(query: dict[str, Any]) -> None:
    """A query as version 2.1 has it."""
    mark_query(query)
    query.setdefault("wellFormedAnswers", "[]")
    query["query_type"] = query["query_type"].upper()


def mark_dureader(question: dict[str, Any]) -> None:
    """New ids and passages. Words are added at the end, so spans stay right."""
    question["question_id"] = new_id(question["question_id"])
    for document in question["documents"]:
        words = document.get("segmented_paragraphs")
        document["paragraphs"] = [text + (COPY if words else f" {DIGITS}") for text in document["paragraphs"]]
        for paragraph in words or []:
            paragraph.append(WORDS)


def new_id(old: int | str) -> str:
    """An id that is a text stays one, and a number becomes one of more than twelve digits (see `template`)."""
    return f"{COPY}{old:012d}" if isinstance(old, int) else f"{old}-{COPY}"


def template(value: Any) -> bytes:
    """A record, or a part of it, as JSON in which only a copy's number is missing."""
    return re.sub(rb'"(%s\d{12})"' % COPY.encode(), rb"\1", to_json(value).rstrip())


def filled(data: bytes, copy: int) -> bytes:
    """The JSON of one copy."""
    digits = str(copy).encode()
    words = b",".join(b'"%c"' % digit for digit in digits)
    data = data.replace(b'"%s"' % WORDS.encode(), words).replace(DIGITS.encode(), b" ".join(re.findall(rb".", digits)))
    return data.replace(COPY.encode(), digits)


def copies(templates: list[bytes]) -> Iterator[bytes]:
    """Every record once, then all of them again, without end."""
    return (filled(data, copy) for copy in count(1) for data in templates)


def until(size: int, records: Iterator[bytes]) -> Iterator[bytes]:
    """Records that together have `size` bytes or little more."""
    while size > 0:
        data = next(records)
        size -= len(data)
        yield data


def write_squad(stream: BinaryIO, records: list[dict[str, Any]], size: int) -> None:
    """Write one object with a list of articles."""
    for number, data in enumerate(until(size, copies([template(record) for record in records]))):
        stream.write((b",\n" if number else b'{"version":"1.1","data":[\n') + data)
    stream.write(b"\n]}\n")


def write_lines(stream: BinaryIO, records: list[dict[str, Any]], size: int) -> None:
    """Write JSON Lines."""
    stream.writelines(data + b"\n" for data in until(size, copies([template(record) for record in records])))


def write_columns(stream: BinaryIO, records: list[dict[str, Any]], size: int) -> None:
    """Write one object of columns, each an object from a row's number to its value, as MS MARCO 2.1."""
    rows = sum(1 for _ in until(size, copies([template(record) for record in records])))
    for first, name in enumerate(sorted(records[0])):
        stream.write((b"}," if first else b"{") + b'"%s":{' % name.encode())
        values = copies([template(record[name]) for record in records])
        for row, data in enumerate(islice(values, rows)):
            stream.write(b'%s"%d":%s' % (b"," if row else b"", row, data))
    stream.write(b"}}\n")


KINDS: dict[str, Kind] = {
    "squad": Kind("squad", "english", mark_squad, write_squad),
    "msmarco": Kind("msmarco", "english-msmarco", mark_line, write_lines),
    "msmarco-2.1": Kind("msmarco", "english-msmarco-v2.1", mark_row, write_columns),
    "dureader": Kind("dureader", "chinese-dureader", mark_dureader, write_lines),
}


def prepare(dataset: str, raw: Path, workers: int) -> Run:
    """Run the command in a process of its own and watch it; its output is looked at and removed."""
    out, printed = raw.parent / "out", raw.parent / "printed.json"
    command = [sys.executable, "-m", "ham_mrc", "prepare", dataset, str(raw), "--out", str(out)]
    begun = time.perf_counter()
    with printed.open("wb") as stream:
        process = subprocess.Popen([*command, "--workers", str(workers), "--json", "-q"], stdout=stream)
    memory = Memory(process.pid)
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        memory.look()
        time.sleep(INTERVAL)
    wall, usage = time.perf_counter() - begun, ended[2]
    process.returncode = os.waitstatus_to_exitcode(ended[1])  # so that nobody waits for it again
    if process.returncode:
        sys.exit(f"prepare ended with exit code {process.returncode}")
    parts = json.loads(printed.read_bytes())["parts"]
    assert not any("duplicate_id" in part["dropped"] for part in parts.values()), "ids are not new"
    output = digest(out)
    shutil.rmtree(out)
    return Run(wall, usage.ru_utime + usage.ru_stime, memory.peak, memory.parent, memory.worker, output)


class Memory:
    """Bytes that a process and all below it held at most, as far as /proc tells; else None."""

    def __init__(self, process: int) -> None:
        self._process = process
        self.peak: int | None = None
        self.parent: int | None = None
        self.worker: int | None = None

    def look(self) -> None:
        """Look at all processes as they are now."""
        processes = list(below(self._process))
        sizes = [noted(Path(f"/proc/{number}/smaps_rollup"), "Pss") for number in processes]
        most = [noted(Path(f"/proc/{number}/status"), "VmHWM") for number in processes]
        self.peak = max(self.peak or 0, sum(sizes)) or None
        self.parent = max(self.parent or 0, most[0]) or None
        self.worker = max(self.worker or 0, *most[1:], 0) or None


def below(process: int) -> Iterator[int]:
    """A process and all that it started, and they in turn."""
    yield process
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = file.read_text().split()
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            yield from below(int(child))


def noted(file: Path, name: str) -> int:
    """The bytes after `name` in one of /proc's lists; 0 where it is not there, or the process no more."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def digest(folder: Path) -> str:
    """What stands for all names and contents in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder)} {sha256(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    main()
