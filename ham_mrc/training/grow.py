"""A reader that begins with the weights of a finished run of fewer levels: the same function, and room to learn.

Dou & Zhang's theorem 2 says that a deeper reader is never worse, for it can switch its last level off. Growing takes it
at its word: what is trained stays, and each new level enters with e^-10 of the least weight there was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ham_mrc.config import Config
from ham_mrc.data_prep.characters import Alphabet
from ham_mrc.data_prep.vectors import Vectors
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.files import sha256
from ham_mrc.layers.grow import grow_levels
from ham_mrc.training.run_folder import CONFIG, WEIGHTS, RunFolder, open_run
from ham_mrc.training.run_reader import load_reader


@dataclass(frozen=True, slots=True)
class Grown:
    """The finished run that another grows from, and the checksum of its weights."""

    run: RunFolder
    weights_sha256: str

    @classmethod
    def open(cls, path: Path) -> Grown:
        """The run in `path`. Raises HamError where it is none, or has not finished."""
        run = open_run(path)
        load_reader(run, run.vocabulary())  # says what is wrong with it
        return cls(run, sha256(path / WEIGHTS))

    @classmethod
    def recorded_in(cls, run: RunFolder) -> Grown | None:
        """What `run` has grown from, None for nothing. Raises HamError where that is not what it was."""
        if "grown_from" not in run.made:
            return None
        grown = cls.open(Path(run.made["grown_from"]))
        if grown.weights_sha256 != run.made.get("grown_sha256"):
            raise HamError("is not the run any more that this one grew from", file=grown.run.path, remedy="train anew")
        return grown

    def recorded(self) -> dict[str, Any]:
        """What stands of it in [run] of the new run."""
        return {"grown_from": str(self.run.path.resolve()), "grown_sha256": self.weights_sha256}

    def into(
        self,
        reader: nn.Module,
        config: Config,
        vocabulary: Vocabulary,
        vectors: Vectors | None,
        alphabet: Alphabet | None,
    ) -> None:
        """Give a reader of `config` the weights of the run. Raises HamError where more than the depth differs."""
        self._check_settings(config)
        self._check_words(vocabulary, vectors, alphabet)
        grow_levels(load_reader(self.run, self.run.vocabulary()), reader)

    def _check_settings(self, config: Config) -> None:
        """[training] may differ: it says how to go on, and not what the reader is."""
        old, new = self.run.config.reader_settings, config.reader_settings
        if self.run.config.reader != config.reader:
            raise self._differs("the reader", self.run.config.reader, config.reader)
        for name, value in new.items():
            if name != "depth" and old[name] != value:
                raise self._differs(name, old[name], value)
        if (was := self.run.config.embeddings.width) != config.embeddings.width:
            raise self._differs("width", was, config.embeddings.width)
        if new["depth"] <= old["depth"]:
            what = f"has depth {old['depth']}, and grows to more levels, not to {new['depth']}"
            raise HamError(what, file=self.run.path, remedy=f"--depth {old['depth'] + 1}")

    def _check_words(self, vocabulary: Vocabulary, vectors: Vectors | None, alphabet: Alphabet | None) -> None:
        facts = self.run.facts
        found = {
            "vocabulary_sha256": vocabulary.sha256,
            "trained_words": vocabulary.trained,
            "vectors_sha256": "" if vectors is None else vectors.sha256,
            "characters_sha256": "" if alphabet is None else alphabet.sha256,
        }
        for name, value in found.items():
            if facts[name] != value:
                raise self._differs(name, facts[name], value)

    def _differs(self, name: str, old: Any, new: Any) -> HamError:
        what = f"has {name} = {old!r}, and not {new!r}: only the depth may differ from the run that is grown"
        return HamError(what, file=self.run.path / CONFIG, remedy=f"--config {self.run.path / CONFIG}")
