"""Fixtures that several test files share: real data where it is at hand, and small SQuAD files made to order."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squad_builders import rivers

ROOT = Path(__file__).parents[1]

# One thread a process, also in the processes that tests start: two workers with two threads each on two cores wait
# for each other fifty times longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets: HAM_MRC_SHARED_DATA, else ../shared/data beside the project. Skips without it."""
    folder = Path(os.environ.get("HAM_MRC_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "squad").is_dir():
        pytest.skip("the shared datasets are not here (set HAM_MRC_SHARED_DATA)")
    return folder


@pytest.fixture
def write_squad(tmp_path: Path) -> Callable[..., Path]:
    """A function (content, name="input.json") -> path that writes any JSON value, packed where the name says .gz."""

    def write(content: Any, name: str = "input.json") -> Path:
        data = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.fixture
def rivers_file(write_squad: Callable[..., Path]) -> Path:
    """60 questions on 12 passages in 4 articles."""
    return write_squad(rivers(), "rivers.json")


@pytest.fixture(scope="session")
def prepared_rivers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder with the parts train, dev and test of 60 questions, split by passage. Do not write to it."""
    from ham_mrc.data_prep.prepare import prepare
    from ham_mrc.data_prep.request import Request

    folder = tmp_path_factory.mktemp("rivers")
    (folder / "rivers.json").write_text(json.dumps(rivers()), encoding="utf-8")
    out = folder / "prepared"
    prepare(Request(dataset="squad", inputs=(folder / "rivers.json",), out=out, split="80/10/10", split_by="passage"))
    return out


@pytest.fixture(scope="session")
def river_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder: train (24), choice (3) and dev (9 questions) of the raw file ../rivers.json. Read only."""
    from tiny_runs import prepare_rivers

    return prepare_rivers(tmp_path_factory.mktemp("river_data"))


@pytest.fixture(scope="session")
def river_run(tmp_path_factory: pytest.TempPathFactory, river_data: Path) -> Path:
    """A finished run on `river_data` with the vectors of tests/data/river_vectors.txt. Read only."""
    from tiny_runs import VECTORS, tiny

    from ham_mrc.training.loop import train

    return train(river_data, tmp_path_factory.mktemp("runs") / "rivers", tiny(embeddings={"source": str(VECTORS)}))


@pytest.fixture(scope="session")
def poem_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The PoemFolder of 50 nonsense poems. Read only."""
    from poem_builders import nonsense, prepared

    return prepared(tmp_path_factory.mktemp("poems"), nonsense(50))


@pytest.fixture(scope="session")
def poem_run(tmp_path_factory: pytest.TempPathFactory, poem_folder: Any) -> Path:
    """A finished run of a tiny PPG on `poem_folder`. Read only."""
    from tiny_poems import OFTEN, tiny_poems

    from ham_mrc.training.poem_training import train_poems

    return train_poems(poem_folder.path, tmp_path_factory.mktemp("poem_run") / "run", tiny_poems(training=OFTEN))
