"""Settings that are right one by one and not together, in any reader."""

from __future__ import annotations

from ham_mrc.errors import ShapeError
from ham_mrc.layers.ham_options import HamOptions


def check_requery(match: str, score: str, requery: str) -> None:
    """Raise ShapeError where `requery` is for another score, or for another match."""
    if requery != "word" and score != "additive":
        raise ShapeError(
            f'requery = "{requery}" is for score = "additive" alone, not "{score}"', remedy="leave it away"
        )
    if requery == "drop_state" and match == "static":
        raise ShapeError('requery = "drop_state" is for match = "recurrent": a static match has no state to drop')


def check_encoders(ham: HamOptions, score: str, share_encoder: bool, requery: str | None = None) -> None:
    """Raise ShapeError where the encoders differ and a matrix made for passage words would read question vectors.

    `requery` is None for readers without a recurrent cell, where a mixture always takes the word's place.
    """
    depth = ham.get("depth", 1)
    if depth > 1 and not share_encoder and (reason := _reads_by_word(ham, score, requery)):
        raise ShapeError(
            f"at depth {depth} question vectors are read as passage words ({reason})", remedy="set share_encoder = true"
        )


def _reads_by_word(ham: HamOptions, score: str, requery: str | None) -> str:
    """The settings under which such a matrix reads the next level's query; empty: none does."""
    if ham.get("heads", 0) and ham.get("heads_share", "layer") == "layer":
        return 'heads_share = "layer"'
    if ham.get("local") == "gaussian" and ham.get("recenter", True) and not ham.get("heads", 0):
        return 'local = "gaussian", recenter = true'
    if score in ("bilinear", "projected_dot") or (score == "additive" and requery not in ("key", "own")):
        return f'score = "{score}"' + ("" if requery is None else f', requery = "{requery}"')
    return ""
