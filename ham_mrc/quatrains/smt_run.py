"""The two files of the translation baseline in a run folder, written and read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc import __version__
from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.errors import HamError
from ham_mrc.files import read_json, write_json, write_whole
from ham_mrc.quatrains.coherence import Coherence
from ham_mrc.quatrains.phrase_table import PhraseTable
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.quatrains.smt import SMT, SMTSettings
from ham_mrc.quatrains.smt_decoder import Scorer
from ham_mrc.quatrains.smt_model import FEATURES, STEPS, Model
from ham_mrc.quatrains.trigram import Trigram

Array = npt.NDArray[Any]

WORDS, NUMBERS = "smt.json", "smt.safetensors"
SCHEMA = 1


def save_smt(smt: SMT, run: Path) -> None:
    """Write both files, each whole or not at all, smt.json last."""
    from safetensors.numpy import save

    parts: dict[str, Mapping[str, Array]] = {
        "trigram": smt.model.trigram.arrays(),
        "coherence": smt.model.coherence.arrays(),
        "places": {f"{step}_{length}": array for (step, length), array in smt.model.places.items()},
    }
    parts |= {f"table_{step}_{length}": table.arrays() for (step, length), table in smt.model.tables.items()}
    arrays = {
        f"{part}.{name}": np.ascontiguousarray(array) for part, all_ in parts.items() for name, array in all_.items()
    }
    with write_whole(run / NUMBERS) as stream:
        stream.write(save(arrays))
    weights = {length: dict(zip(FEATURES, values.tolist(), strict=True)) for length, values in smt.weights.items()}
    write_json(
        run / WORDS,
        {
            "schema": SCHEMA,
            "made_by": __version__,
            "vocabulary_sha256": smt.model.characters.sha256,
            "settings": asdict(smt.settings),
            "weights": {str(length): values for length, values in weights.items()},
            "tuning": dict(smt.tuning),
            "themes": None if smt.taxonomy is None else dict(smt.taxonomy.themes),
        },
    )


def open_smt(run: str | Path, characters: Characters, *, network: Callable[[LineRequest], Scorer] | None = None) -> SMT:
    """The system in a run folder; `characters` is the run's table, `network` as when it was built.

    Raises HamError where a file is missing, damaged, of another version or of another table.
    """
    words = _words(Path(run) / WORDS, characters)
    parts = _parts(Path(run) / NUMBERS)
    size = len(characters)
    try:
        lengths = [int(length) for length in words["weights"]]
        cells = [(step, length) for step in STEPS for length in lengths]
        model = Model(
            characters,
            Trigram(parts["trigram"]),
            Coherence(parts["coherence"]),
            {cell: parts["places"]["{}_{}".format(*cell)] for cell in cells},
            {cell: PhraseTable(parts["table_{}_{}".format(*cell)], size) for cell in cells},
        )
        weights = {n: np.array([words["weights"][str(n)][name] for name in FEATURES]) for n in lengths}
        themes = words["themes"]
        taxonomy = None if themes is None else Taxonomy({theme: tuple(some) for theme, some in themes.items()})
        return SMT(model, weights, SMTSettings(**words["settings"]), taxonomy, words["tuning"], network)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HamError(f"is not what train wrote here ({error})", file=run, remedy="train anew") from error


def _words(file: Path, characters: Characters) -> dict[str, Any]:
    words = read_json(file)
    if not isinstance(words, dict) or words.get("schema") != SCHEMA:
        raise HamError("is not of this version of ham-mrc", file=file, remedy="train anew")
    if words.get("vocabulary_sha256") != characters.sha256:
        raise HamError("was counted with another table of characters", file=file, remedy="train anew")
    return words


def _parts(file: Path) -> dict[str, dict[str, Array]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(file)
    except (SafetensorError, OSError) as error:
        raise HamError(
            f"is missing, damaged or no safetensors file ({error})", file=file, remedy="train anew"
        ) from error
    parts: dict[str, dict[str, Array]] = {}
    for key, array in arrays.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = array
    return parts
