"""NLTK's `word_tokenize`: with its Punkt model, or without where no model could change the words.

`word_tokenize` first splits a text into sentences by a trained model (Punkt English), which NLTK does not ship,
and only then into words. A sentence's last full stop becomes a word of its own, so the model can change the words
around a full stop inside a text ("henry a. walsh", "cathedral church of st. paul"). Here NLTK's own code is run
once for each answer that a model could give to what that code asks of it. Where all of them lead to the same words,
those are the words: so it is for 99 of 100 fragments of CMRC's dev set. Otherwise the installed model decides, and
without one every possible outcome is given back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import cached_property, lru_cache
from typing import Any

from ham_mrc.errors import MissingExtra
from ham_mrc.eval.nltk_parts import tokenizers

Words = tuple[str, ...]

MOST_RUNS = 256
"""So many models are tried on one text; a text that asks for more counts as undecided. Two initials take 100."""

# Most fragments are cut at white space and around these characters, wherever they stand, and that is all ...
_SPACED = re.compile(r"[;@#$%&\[\](){}<>]")
# ... unless they hold anything that another of the tokenizer's rules, or Punkt, looks at: quotes, a full stop
# or comma or colon at the end of a word, other marks, two hyphens, or a word that is taken apart.
_OTHERWISE = re.compile(
    r"""["'`«»‘’“”„?!*\u2012-\u2015]|--|\.(?!\w)|[,:](?![0-9])"""
    r"""|cannot|gimme|gonna|gotta|lemme|wanna""",
    re.IGNORECASE,
)


def nltk_version() -> str:
    """The version of NLTK that is installed, without importing it. Raises MissingExtra if there is none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("nltk")
    except PackageNotFoundError:
        raise MissingExtra("nltk", "cmrc", "scoring CMRC 2018") from None


class WordTokenizer:
    """`word_tokenize` with its dependence on a Punkt model laid open. Imports NLTK when first needed."""

    def __init__(self) -> None:
        self._may_have_model = True

    def outcomes(self, text: str) -> tuple[Words, ...]:
        """Every list of words that `nltk.word_tokenize(text)` could give, whatever Punkt model were installed.

        One if none could change it or if a model is installed, which then decides. Empty where no model is
        installed and the outcomes are too many to list.
        """
        if not _OTHERWISE.search(text):
            return (tuple(_SPACED.sub(r" \g<0> ", text).split()),)
        split, words, models = self._nltk
        models.forget()
        found: dict[Words, None] = {}
        for _ in range(MOST_RUNS):
            found[tuple(word for sentence in split(text) for word in words(sentence))] = None
            if len(found) == 2 and (decided := self._with_model(text)) is not None:
                return (decided,)
            if not models.next():
                return tuple(found)
        decided = self._with_model(text)
        return () if decided is None else (decided,)

    def has_model(self) -> bool:
        """Whether a Punkt model is installed. Imports all of NLTK."""
        return self._with_model("") is not None

    def _with_model(self, text: str) -> Words | None:
        from nltk.tokenize import word_tokenize

        try:
            return tuple(word_tokenize(text)) if self._may_have_model else None
        except LookupError:  # looking in every folder takes NLTK a while, so only once
            self._may_have_model = False
            return None

    @cached_property
    def _nltk(self) -> tuple[Callable[[str], list[str]], Callable[[str], list[str]], _Models]:
        """(text to sentences by all possible models in turn, sentence to words, those models)."""
        destructive, punkt = tokenizers()
        models = _Models()
        parameters = punkt.PunktParameters()
        parameters.abbrev_types = _Asked(models, "abbreviation", (False, True))
        parameters.collocations = _Asked(models, "collocation", (False, True))
        parameters.sent_starters = _Asked(models, "sentence starter", (False, True))
        parameters.ortho_context = _Asked(models, "context", _CONTEXTS)
        # The models mostly agree on the sentences of a text, so most of them have been cut up already.
        words = lru_cache(maxsize=1024)(destructive.NLTKWordTokenizer().tokenize)
        return punkt.PunktSentenceTokenizer(parameters).tokenize, words, models


# Where a model has seen a word, as Punkt's bits: nowhere; beginning a sentence in lower case; that, and inside one
# with a capital; inside one in lower case. For a word with a capital Punkt asks whether it was seen in lower case,
# and inside a sentence with a capital; for one in lower case whether it was seen beginning a sentence so, and never
# with a capital. These four give every pair of answers that a model can give.
_CONTEXTS = (0, 1 << 4, 1 << 4 | 1 << 2, 1 << 5)


class _Models:
    """All that Punkt models could answer, walked depth first, over the questions that are really asked."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin a new text."""
        self._path: list[tuple[int, tuple[Any, ...]]] = []  # of each question asked: which answer, of which
        self._known: dict[Hashable, Any] = {}

    def ask(self, question: Hashable, answers: tuple[Any, ...]) -> Any:
        """What the model at hand answers; the same to the same question."""
        if question not in self._known:
            asked = len(self._known)
            if asked == len(self._path):
                self._path.append((0, answers))
            self._known[question] = answers[self._path[asked][0]]
        return self._known[question]

    def next(self) -> bool:
        """Go to the next model; False, and all is forgotten, if that was the last."""
        del self._path[len(self._known) :]
        self._known = {}
        while self._path:
            chosen, answers = self._path.pop()
            if chosen + 1 < len(answers):
                self._path.append((chosen + 1, answers))
                return True
        return False


class _Asked:
    """A set or dictionary of a Punkt model, whose members are for `_Models` to say."""

    def __init__(self, models: _Models, name: str, answers: tuple[Any, ...]) -> None:
        self._models, self._name, self._answers = models, name, answers

    def __contains__(self, key: Hashable) -> bool:
        return bool(self[key])

    def __getitem__(self, key: Hashable) -> Any:
        return self._models.ask((self._name, key), self._answers)
