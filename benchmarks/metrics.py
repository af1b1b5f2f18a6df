"""`ham-mrc eval` beside the official algorithms said again plainly: CPU seconds of whole commands, and their figures.

    python benchmarks/metrics.py
    python benchmarks/metrics.py --cases squad cmrc-passages --squad REFERENCES PREDICTIONS --cmrc REFERENCES

References are the sample corpus where no file is named; for SQuAD 2.0 every third question loses its answers.
Predictions that are not named are made by a rule: in turn the question's own last answer, the next question's first
answer and the passage's first sentence; for CMRC that sentence, or the passage. `x10` are ten copies, and each text
ends in its copy's number, so that copies share none. MS MARCO's texts are lower-cased and cut at spaces beforehand.

For CMRC ASCII full stops are left out of predictions, and a question with one in an answer is answered with its first:
NLTK's Punkt model, which is a download, then cannot change a figure. Each command is a process of its own, the better
of `--repeats` runs counts, and what stands in plain_metrics.py is the other side. Figures are compared as floats.
Modules are kept compiled from the first run on, as those of installed packages are.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from ham_mrc.files import to_json
from ham_mrc.sample import sample_path

PLAIN = Path(__file__).with_name("plain_metrics.py")
COLUMNS = ("case", "questions", "eval CPU s", "plain CPU s", "plain / eval", "figures")
NO_ANSWER = "No Answer Present."


class Question(NamedTuple):
    """What every dataset has; `kind` is DuReader's type of question."""

    id: Any
    answers: list[str]
    passage: str
    kind: str = ""


class Case(NamedTuple):
    """A dataset of plain_metrics.py, its sample, how predictions are made, how often all is repeated, and options."""

    dataset: str
    sample: str
    predict: Callable[[Sequence[Question], int], str]
    copies: int
    options: tuple[str, ...]


def main() -> None:
    """Print a row for each case; exit code 1 if any figure differs."""
    options = parse()
    with tempfile.TemporaryDirectory() as compiled:
        sys.exit(bool(differing(options, Path(compiled))))


def differing(options: argparse.Namespace, compiled: Path) -> list[str]:
    """Measure and print; the cases in which a figure differs. Compiled modules are kept in a folder."""
    print("  ".join(f"{name:>16}" for name in COLUMNS))
    unequal = []
    for name in options.cases:
        case = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "predictions.json", Path(folder) / "references.json"
            questions = write_inputs(case, getattr(options, case.dataset), *files)
            ours = [sys.executable, "-m", "ham_mrc", "eval", *map(str, files), *case.options, "--json", "-q"]
            plain = [sys.executable, str(PLAIN), case.dataset, *map(str, files)]
            ours_cpu, ours_said = best(ours, options.repeats, compiled)
            plain_cpu, figures = best(plain, options.repeats, compiled)
        same = {key: ours_said["metrics"].get(key) for key in figures} == figures
        unequal += [] if same else [name]
        cells = [name, f"{questions:,}", f"{ours_cpu:.2f}", f"{plain_cpu:.2f}", f"{plain_cpu / ours_cpu:.1f}"]
        print("  ".join(f"{cell:>16}" for cell in [*cells, "equal" if same else "DIFFERENT"]), flush=True)
    return unequal


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="CPU seconds of ham-mrc eval and of the plain algorithms.")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each command, of which the best counts")
    for dataset in dict.fromkeys(case.dataset for case in CASES.values()):
        parser.add_argument(f"--{dataset}", type=Path, nargs="+", metavar="FILE", help="references [predictions]")
    return parser.parse_args()


def best(command: list[str], repeats: int, compiled: Path) -> tuple[float, Any]:
    """(fewest CPU seconds of a run of the command, what it printed as JSON)."""
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    surroundings["PYTHONPYCACHEPREFIX"] = str(compiled)
    runs = [cpu_seconds(command, surroundings) for _ in range(repeats)]
    return min(seconds for seconds, _ in runs), json.loads(runs[0][1])


def cpu_seconds(command: list[str], surroundings: dict[str, str]) -> tuple[float, str]:
    """(CPU seconds of one run, user and system, its standard output)."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # so that nobody waits for it again
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, printed


def in_turn(questions: Sequence[Question], place: int) -> str:
    """The question's own last answer, the next question's first one, or the passage's first sentence."""
    answers = (questions[place].answers[-1:], questions[(place + 1) % len(questions)].answers[:1])
    return "".join(answers[place % 3]) if place % 3 < 2 else sentence(questions, place)


def sentence(questions: Sequence[Question], place: int) -> str:
    """The passage's first sentence."""
    return re.split(r"(?<=[。！？])|(?<=[.!?]) ", questions[place].passage, maxsplit=1)[0]


def cmrc_sentence(questions: Sequence[Question], place: int) -> str:
    """The same without what NLTK's model could decide."""
    return _undecided(questions[place], sentence(questions, place))


def cmrc_passage(questions: Sequence[Question], place: int) -> str:
    """The whole passage, likewise."""
    return _undecided(questions[place], questions[place].passage)


def _undecided(question: Question, text: str) -> str:
    return question.answers[0] if any("." in answer for answer in question.answers) else text.replace(".", "")


CASES: dict[str, Case] = {
    "squad": Case("squad", "english", in_turn, 1, ("--dataset", "squad")),
    "squad-x10": Case("squad", "english", in_turn, 10, ("--dataset", "squad")),
    "squad2": Case("squad2", "english", in_turn, 1, ("--dataset", "squad")),
    "cmrc-sentences": Case("cmrc", "chinese", cmrc_sentence, 1, ("--dataset", "cmrc")),
    "cmrc-passages": Case("cmrc", "chinese", cmrc_passage, 1, ("--dataset", "cmrc")),
    "dureader": Case("dureader", "chinese-dureader", in_turn, 1, ("--dataset", "dureader")),
    "dureader-x10": Case("dureader", "chinese-dureader", in_turn, 10, ("--dataset", "dureader")),
    "msmarco": Case("msmarco", "english-msmarco", in_turn, 1, ("--dataset", "msmarco", "--tokenised")),
}


def write_inputs(case: Case, named: list[Path] | None, predictions: Path, references: Path) -> int:
    """Write both files of a case and return the number of questions."""
    file = named[0] if named else sample_path(case.sample)
    own = [question for record in records(file) for question in of_record(case.dataset, record)]
    if case.dataset == "squad2" and not named:
        own = [question._replace(answers=question.answers * (place % 3 < 2)) for place, question in enumerate(own)]
    given = predicted(named[1]) if named and len(named) > 1 else None
    texts = [case.predict(own, place) if given is None else given[question.id] for place, question in enumerate(own)]
    due, told = [], []
    for copy in range(case.copies):
        end = f" {copy}" if copy else ""
        due += [(q._replace(id=f"{q.id}-{copy}", answers=[text + end for text in q.answers])) for q in own]
        told += [text + end for text in texts]
    WRITERS.get(case.dataset, write_squad)(due, told, predictions, references)
    return len(due)


def records(file: Path) -> list[Any]:
    """The records of JSON Lines, or the articles of SQuAD's layout, packed by gzip or not."""
    data = file.read_bytes()
    text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
    values = [json.loads(line) for line in text.split("\n") if line] if "\n{" in text else [json.loads(text)]
    return values[0]["data"] if len(values) == 1 and "data" in values[0] else values


def of_record(dataset: str, record: Any) -> Iterator[Question]:
    """The questions of one record of any of the datasets."""
    if dataset == "dureader":
        passage = "".join(record["documents"][0]["paragraphs"]) if record.get("documents") else ""
        yield Question(record["question_id"], record["answers"], passage, record["question_type"])
    elif dataset == "msmarco":
        passage = record["passages"][0]["passage_text"] if record.get("passages") else ""
        answers = [tokenised(text) for text in record["answers"] if text != NO_ANSWER]
        yield Question(record["query_id"], answers, tokenised(passage))
    else:
        for paragraph in record["paragraphs"]:
            for qa in paragraph["qas"]:
                yield Question(qa["id"], [answer["text"] for answer in qa["answers"]], paragraph["context"])


def tokenised(text: str) -> str:
    """Lower case, and words joined by single spaces."""
    return " ".join(text.lower().split())


def predicted(file: Path) -> dict[Any, str]:
    """{id: text}, or MS MARCO's candidates or DuReader's results."""
    values = records(file)
    if len(values) == 1 and "answers" not in values[0]:
        return dict(values[0])
    if "query_id" in values[0]:
        return {record["query_id"]: tokenised("".join(record["answers"][:1])) for record in values}
    return {record["question_id"]: "".join(record["answers"][:1]) for record in values}


def write_squad(due: list[Question], told: list[str], predictions: Path, references: Path) -> None:
    """Two JSON objects, questions of one passage together."""
    predictions.write_bytes(to_json({question.id: text for question, text in zip(due, told, strict=True)}))
    paragraphs = [
        {"context": passage, "qas": [as_qa(question) for question in questions]}
        for passage, questions in groupby(due, lambda question: question.passage)
    ]
    references.write_bytes(to_json({"version": "1.1", "data": [{"title": "All", "paragraphs": paragraphs}]}))


def as_qa(question: Question) -> dict[str, Any]:
    """A question in SQuAD's layout; `is_impossible` tells 2.0."""
    answers = [{"text": text, "answer_start": 0} for text in question.answers]
    return {"id": question.id, "question": "?", "answers": answers} | ({} if answers else {"is_impossible": True})


def write_dureader(due: list[Question], told: list[str], predictions: Path, references: Path) -> None:
    """Lines with the fields that the official program reads."""
    for file, answers in ((predictions, [[text] for text in told]), (references, [q.answers for q in due])):
        rows = [
            {"question_id": question.id, "question_type": question.kind, "answers": texts, "yesno_answers": []}
            | {"entity_answers": [[]], "source": ("search", "zhidao")[place % 2]}
            for place, (question, texts) in enumerate(zip(due, answers, strict=True))
        ]
        file.write_bytes(b"".join(to_json(row).rstrip() + b"\n" for row in rows))


def write_msmarco(due: list[Question], told: list[str], predictions: Path, references: Path) -> None:
    """Lines of query_id and answers."""
    for file, answers in ((predictions, [[text] for text in told]), (references, [q.answers for q in due])):
        rows = [
            {"query_id": question.id, "answers": texts or [NO_ANSWER]}
            for question, texts in zip(due, answers, strict=True)
        ]
        file.write_bytes(b"".join(to_json(row).rstrip() + b"\n" for row in rows))


WRITERS = {"dureader": write_dureader, "msmarco": write_msmarco}

if __name__ == "__main__":
    main()
