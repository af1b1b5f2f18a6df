"""MS MARCO: BLEU, ROUGE-L and the F1 of telling answerable queries, as the official `ms_marco_eval.py` has them.

Figures equal the official program's with the same version of spaCy, whose tokeniser moves them: it is named in
the signature. The semantic similarity that the program gives as well needs the vectors of a large model and is
left out. Figures in the program's own unit tests come from an older one and are not these.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from itertools import count as naturals
from typing import Any, NamedTuple

from ham_mrc.errors import HamError, MissingExtra
from ham_mrc.eval import overlap
from ham_mrc.eval.bleu import count
from ham_mrc.eval.json_lines import other_type
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.metric import Metric, Sums
from ham_mrc.eval.overlap import Item
from ham_mrc.eval.references_msmarco import NO_ANSWER, Answers, MsMarcoReferences, answers_of
from ham_mrc.eval.rouge_l import rouge_l

LONGEST_TEXT = 1_000_000
"""Characters that spaCy takes in one text."""

_DECISIONS = ("answered_rightly", "answered_wrongly", "refused_wrongly")


def signature(tokeniser: str) -> str:
    """All that could move a figure; `tokeniser` is a name with version."""
    return (
        f"msmarco-qa-2|normalise:{tokeniser}|unit:token|{overlap.SIGNATURE}"
        "|no-answer:dropped-from-overlap|missing:refused|answerability:f1"
    )


class Tokeniser(NamedTuple):
    """How texts become tokens joined by single spaces, and the name of that, with version, for the signature."""

    name: str
    normalise: Callable[[str], str]


def spacy_tokeniser() -> Tokeniser:
    """The official normalisation: spaCy's English tokeniser, each token stripped and in lower case.

    No trained model is needed. White space tokens become empty ones. Raises MissingExtra without spaCy; the
    function raises ValueError for a text that spaCy refuses, as too long or no Unicode.
    """
    try:
        from spacy.about import __version__ as version
        from spacy.lang.en import English
    except ImportError as error:
        purpose = "MS MARCO's official tokenisation (texts that are tokenised already do without)"
        raise MissingExtra("spacy", "msmarco", purpose) from error
    english = English()
    tokenizer = english.tokenizer
    token = _Lowered(english.vocab.strings).__getitem__

    def normalise(text: str) -> str:
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"has {len(text):,} characters; spaCy takes {LONGEST_TEXT:,}")
        return " ".join(map(token, tokenizer(text).to_array("ORTH").tolist()))  # faster than token by token

    return Tokeniser(f"spacy-{version}-english+strip+lower", normalise)


class _Lowered(dict[int, str]):
    """spaCy's number of a token to the token stripped and in lower case, found once for each."""

    def __init__(self, strings: Any) -> None:
        self.strings = strings

    def __missing__(self, number: int) -> str:
        text: str = self.strings[number].strip().lower()
        self[number] = text
        return text


PRE_TOKENISED = Tokeniser("none+pre-tokenised", str)
"""For texts that already are tokens joined by single spaces: they are taken as they stand."""


@dataclass(frozen=True, slots=True)
class AnswerabilityF1:
    """The official F1 in percent from the sums of right answers, wrong answers and wrong refusals."""

    def __call__(self, sums: Sums) -> Any:
        """A float from numbers, an array from arrays; 0 where the official program would divide by zero."""
        right, wrong, refused = [sums[name] for name in _DECISIONS]
        precision, recall = _share_or_one(right, right + wrong), _share_or_one(right, right + refused)
        both = precision + recall
        return 100.0 * (2 * ((precision * recall) / (both + (both == 0))))


METRICS: tuple[Metric, ...] = (
    *overlap.metrics(),
    Metric(
        "answerability_f1",
        "Answerability F1",
        "%",
        higher_is_better=True,
        columns=_DECISIONS,
        combine=AnswerabilityF1(),
    ),
)


def judge_all(
    predictions: Mapping[Any, Any],
    references: MsMarcoReferences,
    *,
    tokenised: bool = False,
    file: str | None = None,
) -> Judged:
    """The figures of `{query id: answers}`: an `Answers`, a list with at most one text, or that text alone.

    "No Answer Present." says that there is none. Queries whose references say so count for answerability only;
    elsewhere it is an empty answer. `tokenised` takes all texts as tokens joined by spaces, without spaCy.

    Raises HamError naming the query where an answerable one has no candidate or several, or a candidate has no
    query: the official program ends there. `file` is for messages.
    """
    given = {query: _as_answers(value, query, file) for query, value in predictions.items()}
    given = {query: answers for query, answers in given.items() if answers.texts}
    decisions = [_decision(answers, given.get(query)) for query, answers in references.accepted.items()]
    _check(given, references, file)
    answerability = _answerability(decisions, file)
    tokeniser = PRE_TOKENISED if tokenised else spacy_tokeniser()
    items = [
        _item(place, query, (given[query].texts[0], *answers.texts), tokeniser, (file, references.file))
        for place, (query, answers) in enumerate(references.accepted.items())
        if not answers.no_answer
    ]
    columns = overlap.statistics(items, len(references))
    answered = sum(query in given for query in references.accepted)
    return Judged(
        keys=references.keys,
        metrics={**overlap.figures(items), "answerability_f1": answerability},
        statistics={**columns, **{name: [row[i] for row in decisions] for i, name in enumerate(_DECISIONS)}},
        values={"rouge_l": overlap.own_rouge_l(columns)},
        signature=signature(tokeniser.name),
        answered=answered,
        missing=len(references) - answered,
        extra=sum(query not in references.accepted for query in given),
    )


def _as_answers(value: Any, query: Hashable, file: str | None) -> Answers:
    if isinstance(value, Answers):
        return value
    return answers_of({"answers": [value] if isinstance(value, str) else value}, query, file)


def _decision(due: Answers, given: Answers | None) -> tuple[int, int, int]:
    """(answered rightly, answered wrongly, refused wrongly); a query without an answer is wrong unless refused."""
    if due.no_answer:
        return (0, 0 if given is not None and given.no_answer else 1, 0)
    return (1, 0, 0) if given is not None and not given.no_answer else (0, 0, 1)


def _answerability(decisions: Sequence[tuple[int, int, int]], file: str | None) -> float:
    right, wrong, refused = [sum(column) for column in zip(*decisions, strict=True)]
    if right == 0 and wrong:
        what = "answers no query that has an answer, and some that have none"
        raise HamError(what, file=file, remedy="the official program divides by zero then and gives no figure")
    return float(AnswerabilityF1()(dict(zip(_DECISIONS, (right, wrong, refused), strict=True))))


def _share_or_one(part: Any, whole: Any) -> Any:
    """`part / whole`, and 1 where `whole` is 0; numbers or arrays."""
    none = whole == 0
    return (part + none) / (whole + none)


def _check(given: Mapping[Hashable, Answers], references: MsMarcoReferences, file: str | None) -> None:
    """Raise HamError where the official program's assertions fail."""
    due = {query for query, answers in references.accepted.items() if not answers.no_answer}
    refused = references.accepted.keys() - due
    for query, answers in given.items():
        if query not in refused and len(answers.texts) > 1:
            remedy = "candidates have one each; predictions come first, references second"
            raise HamError(
                f"has {len(answers.texts)} answers, not one", file=file, place=f"query {query}", remedy=remedy
            )
    extra = [query for query in given if query not in references.accepted]
    missing = [query for query in references.accepted if query in due and query not in given]
    if missing:
        remedy = other_type(extra, missing) or f'the official program wants one; "{NO_ANSWER}" stands for none'
        raise HamError(f"has no answer to {_these(missing)}", file=file, remedy=remedy)
    if extra:
        what = f"answers {_these(extra)}, for which the references have no answer"
        raise HamError(what, file=file, remedy="the official program wants the same queries on both sides")


def _these(queries: Sequence[Hashable]) -> str:
    return f"query {queries[0]}" + (f" and {len(queries) - 1:,} more" if queries[1:] else "")


def _item(
    place: int,
    query: Hashable,
    texts: Sequence[str],
    tokeniser: Tokeniser,
    files: tuple[str | None, str | None],
) -> Item:
    """The first text, a candidate, held against the others; they come from the first and the second file."""
    normal: list[str] = []
    try:
        for text in texts:
            normal.append(tokeniser.normalise(text))
    except ValueError as error:
        raise HamError(f"an answer {error}", file=files[bool(normal)], place=f"query {query}") from error
    tokens = [text.split(" ") for text in normal]
    own, *theirs = coded = _coded(tokens)
    words = [text.split() for text in normal]
    if words != tokens:  # BLEU knows no empty token
        coded = _coded(words)
    return Item(place, count(coded[0], coded[1:]), rouge_l(own, theirs))


def _coded(texts: Sequence[Sequence[str]]) -> list[str]:
    """Each text with a character for each token, the same for the same: strings are counted and compared fastest."""
    codes = dict(zip(dict.fromkeys(chain.from_iterable(texts)), map(chr, naturals()), strict=False))
    return ["".join([codes[token] for token in text]) for text in texts]
