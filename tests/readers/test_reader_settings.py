"""Two encoders at depth 2: refused by every reader alike where a passage word's matrix would read question vectors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ham_mrc.errors import ShapeError
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers import READERS

OWN: dict[str, dict[str, Any]] = {
    "bidaf": {"ham_sites": "c2q"},
    "match-lstm": {},
    "r-net": {"ham_sites": "match", "match": "static"},
}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"score": "bilinear"}, 'score = "bilinear"'),
    ({"score": "projected_dot"}, 'score = "projected_dot"'),
    ({"score": "scaled_dot", "heads": 2}, 'heads_share = "layer"'),
    ({"score": "scaled_dot", "local": "gaussian"}, 'local = "gaussian", recenter = true'),
]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("settings", "reason"), REFUSED, ids=lambda value: str(value)[:40])
def test_two_encoders_are_refused(name: str, settings: dict[str, Any], reason: str) -> None:
    def build(depth: int) -> torch.nn.Module:
        given = {"hidden": 4, "characters": "none", **OWN[name], **settings}
        return READERS[name](WordEmbedding(3, 9), 0, depth=depth, share_encoder=False, **given)

    build(1)
    with pytest.raises(ShapeError) as caught:
        build(2)
    said = str(caught.value)
    assert said.startswith(f"at depth 2 question vectors are read as passage words ({reason}")
    assert said.endswith("; set share_encoder = true")
