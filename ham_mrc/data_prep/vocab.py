"""The vocabulary: words to ids, those that are trained before those that are only known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ham_mrc.errors import HamError
from ham_mrc.files import write_whole
from ham_mrc.opening import read_bytes

PAD, UNK = 0, 1
SPECIAL = ("<pad>", "<unk>")


class Vocabulary:
    """Words and their ids. `words[i]` is the word of id i; ids 0 and 1 are padding and the unknown word.

    Ids below `trained` (padding and unknown included) are words seen often enough in the training part; the ids
    from there on are words seen too rarely or elsewhere, which a reader that learns its own embeddings takes for
    the unknown word, while pretrained vectors and the match of question and passage words still know them.
    """

    def __init__(self, words: Sequence[str], *, trained: int, lowercase: bool) -> None:
        self.words = list(words)
        self.trained = trained
        self.lowercase = lowercase
        assert tuple(self.words[:2]) == SPECIAL
        assert len(SPECIAL) <= trained <= len(self.words)

    @cached_property
    def _ids(self) -> dict[str, int]:
        ids = {word: number for number, word in enumerate(self.words)}
        assert len(ids) == len(self.words)
        return ids

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> list[int]:
        """The ids of `words`, lower-cased first if the vocabulary is; UNK for a word that it does not hold."""
        ids = self._ids
        return [ids.get(word.lower() if self.lowercase else word, UNK) for word in words]

    def extended(self, words: Iterable[str]) -> Vocabulary:
        """A new vocabulary with the unseen ones of `words` appended, in their order. None of them counts as trained."""
        folded = (word.lower() if self.lowercase else word for word in words)
        new = dict.fromkeys(word for word in folded if word not in self._ids)
        return Vocabulary([*self.words, *new], trained=self.trained, lowercase=self.lowercase)

    @cached_property
    def sha256(self) -> str:
        """The checksum of the words, their order, and how many are trained."""
        return hashlib.sha256(f"{self.trained}\n".encode() + self._text()).hexdigest()

    def _text(self) -> bytes:
        # A token never holds white space (see text.py), so a line is a word. Half a surrogate pair may stand in
        # a damaged text, and must come back as it was.
        return "".join(f"{word}\n" for word in self.words).encode("utf-8", "surrogatepass")

    def save(self, path: str | Path) -> None:
        """Write one word a line in the order of ids, whole or not at all."""
        with write_whole(path) as stream:
            stream.write(self._text())

    @classmethod
    def load(cls, path: str | Path, *, trained: int, lowercase: bool, sha256: str | None = None) -> Vocabulary:
        """The vocabulary in a file written by `save`. Raises HamError if it is damaged or not the one of `sha256`."""
        try:
            words = read_bytes(path).decode("utf-8", "surrogatepass").split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise HamError(f"is not UTF-8 (byte {error.start})", file=path, remedy="prepare again") from error
        if tuple(words[:2]) != SPECIAL or len(set(words)) != len(words) or not 2 <= trained <= len(words):
            raise HamError("is not a vocabulary of ham-mrc", file=path, remedy="prepare again")
        vocabulary = cls(words, trained=trained, lowercase=lowercase)
        if sha256 is not None and vocabulary.sha256 != sha256:
            raise HamError("is not the vocabulary that was written here", file=path, remedy="prepare again")
        return vocabulary


class Interner(dict[str, int]):
    """Word -> provisional id, given in the order of first sight: `interner[word]` gives a new word the next id."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def rank_words(
    words: Sequence[str],
    train_counts: npt.NDArray[np.int64],
    all_counts: npt.NDArray[np.int64],
    *,
    min_count: int,
    vocab_size: int | None,
    lowercase: bool,
) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The vocabulary of `words` by their counts, and the new id of each of them.

    Trained are at most `vocab_size` words, those seen most often, and at least `min_count` times, in the training
    part. Both sections run by falling count (in the training part, and over all parts), then by code point, so
    that the order of the input does not matter.
    """
    # Millions of words: one sort of texts and two stable ones of numbers, instead of a pair as key for each of them.
    by_word = np.array(sorted(range(len(words)), key=words.__getitem__), np.intp)
    often = _by_falling(train_counts, by_word[train_counts[by_word] >= min_count])[:vocab_size]
    trained = np.zeros(len(words), bool)
    trained[often] = True
    order = np.concatenate((often, _by_falling(all_counts, by_word[~trained[by_word]])))
    new_ids = np.empty(len(words), np.int32)
    new_ids[order] = np.arange(len(SPECIAL), len(SPECIAL) + len(words), dtype=np.int32)
    vocabulary = Vocabulary(
        [*SPECIAL, *(words[n] for n in order.tolist())], trained=len(SPECIAL) + len(often), lowercase=lowercase
    )
    return vocabulary, new_ids


def _by_falling(counts: npt.NDArray[np.int64], numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return numbers[np.argsort(-counts[numbers], kind="stable")]
