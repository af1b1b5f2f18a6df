"""The sample corpus that `ham-mrc demo` runs on: passages and questions made from tables of facts. Not a benchmark.

    from ham_mrc.sample import sample_path

    print(sample_path("english"))

scripts/make_sample.py in the repository writes the files; README.md beside them says what is in them.
"""

from importlib import resources
from pathlib import Path

SAMPLES: dict[str, tuple[str, str]] = {
    "english": ("english.squad.json.gz", "2,400 English questions on 400 passages, SQuAD 1.1"),
    "chinese": ("chinese.squad.json.gz", "1,200 Chinese questions on 200 passages, SQuAD 1.1"),
    "chinese-dureader": (
        "chinese.dureader.jsonl.gz",
        "597 of them with three documents each, DuReader 2.0",
    ),
    "english-msmarco": ("english.msmarco-v1.1.jsonl.gz", "754 of them with four passages each, MS MARCO v1.1"),
    "english-msmarco-v2.1": ("english.msmarco-v2.1.json.gz", "the same 754 in the columns of MS MARCO v2.1"),
}
"""Every sample by its name: the file, and what it holds."""


def sample_path(name: str) -> Path:
    """Where the file of a sample lies. Raises KeyError for a name that is not in SAMPLES."""
    file, _ = SAMPLES[name]
    return Path(str(resources.files("ham_mrc.sample") / file))
