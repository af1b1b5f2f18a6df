"""The sample in the layouts of DuReader 2.0 and MS MARCO v1.1 and v2.1."""

from __future__ import annotations

import gzip
import json
from typing import Any

from ham_mrc.sample import SAMPLES, sample_path

DUREADER = {
    "documents": list,
    "answer_spans": list,
    "fake_answers": list,
    "question": str,
    "segmented_answers": list,
    "answers": list,
    "answer_docs": list,
    "segmented_question": list,
    "question_type": str,
    "question_id": int,
    "fact_or_opinion": str,
    "match_scores": list,
    "entity_answers": list,
}
DOCUMENT = {
    "is_selected": bool,
    "title": str,
    "most_related_para": int,
    "segmented_title": list,
    "segmented_paragraphs": list,
    "paragraphs": list,
    "bs_rank_pos": int,
}
MARCO = {"passages": list, "query_id": int, "answers": list, "query_type": str, "query": str}
TYPES = {"entity", "location", "numeric", "person"}


def text(name: str) -> str:
    return gzip.decompress(sample_path(name).read_bytes()).decode("utf-8")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(name).split("\n") if line]


def kinds(record: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in record.items()}


def test_dureader_has_its_fields() -> None:
    records = lines("chinese-dureader")
    assert SAMPLES["chinese-dureader"][1].startswith(f"{len(records)} ")
    assert len({record["question_id"] for record in records}) == len(records)
    for record in records:
        assert kinds(record) == DUREADER
        assert all(kinds(document) == DOCUMENT for document in record["documents"])
        assert (record["question_type"], record["fact_or_opinion"]) == ("ENTITY", "FACT")
        assert len(record["documents"]) == 3


def test_dureader_words_join_to_the_text() -> None:
    for record in lines("chinese-dureader"):
        assert "".join(record["segmented_question"]) == record["question"]
        assert ["".join(words) for words in record["segmented_answers"]] == record["answers"]
        for document in record["documents"]:
            assert "".join(document["segmented_title"]) == document["title"]
            assert ["".join(words) for words in document["segmented_paragraphs"]] == document["paragraphs"]


def test_dureader_span_is_the_answer_in_a_selected_document() -> None:
    for record in lines("chinese-dureader"):
        (place,), ((first, last),) = record["answer_docs"], record["answer_spans"]
        document = record["documents"][place]
        assert [other["is_selected"] for other in record["documents"]].count(True) == 1
        assert document["is_selected"]
        words = document["segmented_paragraphs"][document["most_related_para"]][first : last + 1]
        assert record["fake_answers"] == ["".join(words)]
        assert words == record["segmented_answers"][1]
        assert record["match_scores"] == [1.0]
        assert record["entity_answers"] == [["".join(words)]] * len(record["answers"])


def test_dureader_most_related_paragraph_has_the_best_recall() -> None:
    for record in lines("chinese-dureader"):
        for document in record["documents"]:
            recalls = [
                max(sum(word in words for word in answer) / len(answer) for answer in record["segmented_answers"])
                for words in document["segmented_paragraphs"]
            ]
            expected = recalls.index(max(recalls)) if max(recalls) else -1
            assert document["most_related_para"] == expected, record["question_id"]


def test_msmarco_rows_have_their_fields() -> None:
    rows = lines("english-msmarco")
    assert SAMPLES["english-msmarco"][1].startswith(f"{len(rows)} ")
    assert len({row["query_id"] for row in rows}) == len(rows)
    for row in rows:
        assert kinds(row) == MARCO
        assert row["query_type"] in TYPES
        assert [kinds(passage) for passage in row["passages"]] == [
            {"is_selected": int, "url": str, "passage_text": str}
        ] * 4
        assert sum(passage["is_selected"] for passage in row["passages"]) == len(row["answers"]) <= 1


def test_msmarco_answers_are_spans_or_sentences() -> None:
    spans = sentences = without = 0
    for row in lines("english-msmarco"):
        selected = [passage["passage_text"] for passage in row["passages"] if passage["is_selected"]]
        if not row["answers"]:
            without += 1
        elif row["answers"][0] in selected[0]:
            spans += 1
        else:
            assert row["answers"][0].endswith(".")
            sentences += 1
    assert without > 20
    assert 0.25 < sentences / (sentences + spans) < 0.4


def test_msmarco_columns_hold_the_rows() -> None:
    rows, columns = lines("english-msmarco"), json.loads(text("english-msmarco-v2.1"))
    assert list(columns) == ["answers", "passages", "query", "query_id", "query_type", "wellFormedAnswers"]
    assert all(list(column) == [str(i) for i in range(len(rows))] for column in columns.values())
    for i, row in enumerate(rows):
        found = {name: column[str(i)] for name, column in columns.items()}
        well_formed = found.pop("wellFormedAnswers")
        assert found == {
            **row,
            "answers": row["answers"] or ["No Answer Present."],
            "query_type": row["query_type"].upper(),
        }
        assert well_formed == "[]" or well_formed == row["answers"]
    assert any(isinstance(well_formed, list) for well_formed in columns["wellFormedAnswers"].values())
