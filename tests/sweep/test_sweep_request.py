"""A sweep as a file and as options: which wins, what is refused, and that a written file asks for the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w

from ham_mrc.errors import ConfigError
from ham_mrc.sweep.request import make_request, read_request

FILE = """
[sweep]
readers = ["match-lstm", "bidaf"]
depths = [1, 5]
seeds = 2
preset = "strong"

[training]
epochs = 4
lr = 0.01

[only.bidaf.training]
lr = 0.02
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "asked.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_options_over_a_file(tmp_path: Path) -> None:
    content = read_request(written(tmp_path, FILE))
    plain = make_request(content, reader="r-net")
    assert str(plain.grid) == "readers match-lstm, bidaf; depths 1, 5; seeds 13, 14"
    assert plain.settings("match-lstm") == {"training": {"epochs": 4, "lr": 0.01}}
    assert plain.settings("bidaf") == {"training": {"epochs": 4, "lr": 0.02}}
    assert plain.preset_of("bidaf") == "bidaf-strong"
    over = make_request(
        content, reader="r-net", depths=[1, 2], seeds=3, first_seed=7, assignments=["training.epochs=1"], preset="demo"
    )
    assert str(over.grid) == "readers match-lstm, bidaf; depths 1, 2; seeds 7, 8, 9"
    assert over.settings("match-lstm")["training"] == {"epochs": 1, "lr": 0.01}
    assert over.preset_of("match-lstm") == "demo"


def test_nothing_said_is_the_grid_of_the_paper() -> None:
    found = make_request({}, reader="bidaf")
    assert str(found.grid) == "readers bidaf; depths 1, 2, 5, 10, 20; seeds 13, 14, 15"
    assert found.preset_of("bidaf") is None


def test_a_written_request_asks_for_the_same(tmp_path: Path) -> None:
    asked = make_request(read_request(written(tmp_path, FILE)), reader="r-net", seeds=[5, 4])
    again = read_request(written(tmp_path, tomli_w.dumps({"made": {"schema": 1}, **asked.to_toml()})))
    assert make_request(again, reader="r-net") == asked
    # More seeds count on from the first that the file names.
    assert make_request(again, reader="r-net", seeds=3).grid.seeds == (4, 5, 6)


def test_vectors_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vectors.txt").write_text("a 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = make_request({}, reader="bidaf", embeddings="vectors.txt")
    assert found.settings("bidaf") == {"embeddings": {"source": str(tmp_path / "vectors.txt")}}
    assert make_request({}, reader="bidaf", embeddings="glove-6b-50d").settings("bidaf") == {
        "embeddings": {"source": "glove-6b-50d"}
    }


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("[swep]\n", ["no section [swep]"]),
        ("[sweep]\ndepth = 3\n", ['[sweep]: no option "depth"; there are readers, depths, seeds, preset']),
        ("[sweep]\ndepths = [1, 2.5]\n", ["[sweep] depths = [1, 2.5]: is not a list of whole numbers"]),
        ("[sweep]\nseeds = 0\n", ["[sweep] seeds = 0: is not a number of seeds, or a list of them"]),
        ("[sweep]\nreaders = 'bidaf'\n", ["[sweep] readers = 'bidaf': is not a list of names"]),
        (
            "[reader]\ndepth = 3\n[training]\nseed = 1\n",
            ["[reader] depth: is the grid's; name it in depths", "[training] seed: is the grid's; name it in seeds"],
        ),
        ("[only]\nbidaf = 3\n", ["[only] bidaf: write [only.bidaf.SECTION] above settings"]),
        ("[only.bidaf.readr]\nx = 3\n", ["no section [only.bidaf.readr]"]),
    ],
)
def test_all_that_is_wrong_with_a_file(tmp_path: Path, text: str, faults: list[str]) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as fault:
        read_request(file)
    assert str(fault.value) == f"{file}: " + "; ".join(faults)


def test_what_no_assignment_may_set() -> None:
    with pytest.raises(ConfigError) as fault:
        make_request({}, reader="bidaf", assignments=["reader.depth=3", "run.preset=demo"])
    assert str(fault.value) == ("--set: [reader] depth: is the grid's; name it in depths; --set: no section [run]")
