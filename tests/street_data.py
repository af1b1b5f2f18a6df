"""Small raw files of every dataset, from the same made-up rivers and from the sample corpus."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny_runs import RIVERS, river_questions

from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.sample import sample_path


@dataclass(frozen=True)
class Street:
    """A dataset's raw file, how it is prepared, and the reader that the paper gives it."""

    dataset: str
    reader: str
    raw: Callable[[], str]
    options: dict[str, Any] = field(default_factory=dict)

    def prepare(self, folder: Path) -> tuple[Path, Path]:
        """The raw file, and the folder prepared from it."""
        raw, out = folder / "raw.json", folder / "prepared"
        raw.write_text(self.raw(), encoding="utf-8")
        request = Request(
            dataset=self.dataset, inputs=(raw,), out=out, split="60/20/20", min_count=1, options=self.options
        )
        prepare(request)
        return raw, out


def squad2() -> str:
    """Each river's three questions, and one that its passage does not answer."""
    document = river_questions()
    document["version"] = "v2.0"
    for paragraph in document["data"][0]["paragraphs"]:
        name = paragraph["qas"][0]["id"].partition("-")[0]
        for question in paragraph["qas"]:
            question["is_impossible"] = False
        missing = {"id": f"{name}-owner", "question": f"Who owns the {name}?", "is_impossible": True, "answers": []}
        paragraph["qas"].append(missing)
    return json.dumps(document)


def queries() -> list[dict[str, Any]]:
    """For each river a query on its length, one to be answered by yes and one without an answer."""
    passages = [paragraph["context"] for paragraph in river_questions()["data"][0]["paragraphs"]]
    found = []
    for number, name in enumerate(RIVERS):
        read = [
            {"passage_text": passages[(number + i) % len(RIVERS)], "is_selected": int(i == 0), "url": ""}
            for i in range(3)
        ]
        for kind, (query, answers) in enumerate(
            [
                (f"how long is the {name}", [f"{100 + 37 * number} km"]),
                (f"is the {name} a river", ["Yes"]),
                (f"who owns the {name}", []),
            ]
        ):
            found.append(
                {"query_id": 10 * number + kind, "query": query, "query_type": "numeric", "passages": read}
                | {"answers": answers}
            )
    return found


def msmarco_lines() -> str:
    """Version 1.1."""
    return "".join(json.dumps(query) + "\n" for query in queries())


def msmarco_columns() -> str:
    """Version 2.1, without an answer in its own words."""
    rows = [{**query, "answers": query["answers"] or ["No Answer Present."]} for query in queries()]
    columns = {key: {str(number): row[key] for number, row in enumerate(rows)} for key in rows[0]}
    return json.dumps({**columns, "wellFormedAnswers": {str(number): "[]" for number in range(len(rows))}})


def dureader() -> str:
    """The first questions of the sample, three documents each."""
    with gzip.open(sample_path("chinese-dureader"), "rt", encoding="utf-8") as file:
        return "".join(line for _, line in zip(range(30), file, strict=False))


def cmrc() -> str:
    """The first passages of the Chinese sample, in SQuAD's layout."""
    with gzip.open(sample_path("chinese"), "rt", encoding="utf-8") as file:
        document = json.load(file)
    article = document["data"][0]
    return json.dumps({**document, "data": [{**article, "paragraphs": article["paragraphs"][:10]}]}, ensure_ascii=False)


STREETS = {
    "squad-1.1": Street("squad", "match-lstm", lambda: json.dumps(river_questions())),
    "squad-2.0": Street("squad", "match-lstm", squad2),
    "cmrc": Street("cmrc", "bidaf", cmrc),
    "dureader": Street("dureader", "bidaf", dureader),
    "dureader-joined": Street("dureader", "bidaf", dureader, {"layout": "joined"}),
    "msmarco-1.1": Street("msmarco", "r-net", msmarco_lines),
    "msmarco-separate": Street("msmarco", "r-net", msmarco_lines, {"layout": "separate"}),
    "msmarco-2.1": Street("msmarco", "r-net", msmarco_columns, {"null_position": True, "yes_no": True}),
    "msmarco-2.1-separate": Street(
        "msmarco", "r-net", msmarco_columns, {"layout": "separate", "null_position": True, "yes_no": True}
    ),
}
"""Every kind of data that trains."""
