"""The same bytes, whoever does the work: one process, several, a cluster, or jobs that know nothing of each other."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from preparing import content

from ham_mrc.data_prep import chunks
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.shard_jobs import merge_shards, prepare_shard
from ham_mrc.sample import sample_path

CHUNK = 60_000
"""Bytes in a chunk, so that small files have many. This process alone makes chunks, whoever works on them."""

# Every question of the first stands twice, so that ids and passages of late chunks are those of early ones; the second
# has parts of their own; the third reads otherwise in training; the fourth ends at a limit, within a chunk.
PREPARATIONS: dict[str, dict[str, Any]] = {
    "squad": {"inputs": ("chinese", "chinese"), "split_by": "passage", "split": "80/10/10"},
    "cmrc": {"inputs": ("chinese",), "dev": "chinese", "options": {"segment": "rjieba"}},
    "dureader": {"inputs": ("chinese-dureader",), "options": {"layout": "joined", "passages": 2}},
    "msmarco": {
        "inputs": ("english-msmarco-v2.1",),
        "limit": 333,
        "options": {"null_position": True, "yes_no": True, "selected_only": True},
    },
}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", CHUNK)


def request(dataset: str, out: Path, **more: Any) -> Request:
    own = dict(PREPARATIONS[dataset])
    own["inputs"] = tuple(sample_path(name) for name in own["inputs"])
    if "dev" in own:
        own["dev"] = sample_path(own["dev"])
    return Request(dataset=dataset, out=out, **own, **more)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What one process writes, for each dataset."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_BYTES", CHUNK)
        for dataset in PREPARATIONS:
            prepare(request(dataset, folder / dataset, workers=1))
    return {dataset: content(folder / dataset) for dataset in PREPARATIONS}


def test_what_is_compared(alone: dict[str, dict[str, bytes]]) -> None:
    """Whole folders, which differ from dataset to dataset, with several parts and repeated questions in them."""
    assert all({"manifest.json", "vocab.txt", "characters.txt"} < files.keys() for files in alone.values())
    assert all(len(files) > 60 for files in alone.values())
    squad = json.loads(alone["squad"]["manifest.json"])["parts"]
    assert sum(part["dropped"]["duplicate_id"] for part in squad.values()) == 1200
    msmarco = json.loads(alone["msmarco"]["manifest.json"])["parts"]
    assert sum(part["read"] for part in msmarco.values()) == 333


@pytest.mark.parametrize(
    ("dataset", "workers"), [("squad", 2), ("squad", 3), ("cmrc", 2), ("dureader", 2), ("msmarco", 2)]
)
def test_processes(tmp_path: Path, alone: dict[str, dict[str, bytes]], dataset: str, workers: int) -> None:
    prepare(request(dataset, tmp_path / "out", workers=workers))
    assert content(tmp_path / "out") == alone[dataset]


@pytest.mark.parametrize(
    ("dataset", "count"), [("squad", 3), ("cmrc", 3), ("dureader", 2), ("msmarco", 3), ("msmarco", 1)]
)
def test_shards(tmp_path: Path, alone: dict[str, dict[str, bytes]], dataset: str, count: int) -> None:
    shards = [tmp_path / str(number) for number in range(count)]
    for number, out in enumerate(shards):
        about = prepare_shard(request(dataset, out, workers=1, shard=(number, count)))
        assert about["chunks"] > 3
        assert len(list(out.glob("*.npz"))) == len(range(number, about["chunks"], count))
    manifest = merge_shards(shards[::-1], tmp_path / "out")
    assert content(tmp_path / "out") == alone[dataset]
    assert manifest.to_json() == json.loads(alone[dataset]["manifest.json"])


@pytest.fixture(scope="module")
def executor() -> Iterator[str]:
    """A cluster of two worker processes of one thread each."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield str(cluster.scheduler_address).replace("tcp://", "dask://")


@pytest.mark.parametrize("dataset", ["cmrc", "dureader", "msmarco"])
def test_cluster(tmp_path: Path, alone: dict[str, dict[str, bytes]], executor: str, dataset: str) -> None:
    prepare(request(dataset, tmp_path / "out", executor=executor))
    assert content(tmp_path / "out") == alone[dataset]


def test_a_shard_of_several_processes_on_a_cluster_and_here(
    tmp_path: Path, alone: dict[str, Any], executor: str
) -> None:
    """Jobs need not work alike either."""
    prepare_shard(request("squad", tmp_path / "0", shard=(0, 2), executor=executor))
    prepare_shard(request("squad", tmp_path / "1", shard=(1, 2), workers=2))
    merge_shards([tmp_path / "0", tmp_path / "1"], tmp_path / "out")
    assert content(tmp_path / "out") == alone["squad"]


@pytest.mark.parametrize("dataset", PREPARATIONS)
def test_packed_and_plain(tmp_path: Path, alone: dict[str, dict[str, bytes]], dataset: str) -> None:
    """They differ in what the manifest says of the inputs, and in nothing else."""
    packed = request(dataset, tmp_path / "out", workers=1)
    plain = {}
    for file in packed.files:
        plain[file] = tmp_path / Path(file).with_suffix("").name
        plain[file].write_bytes(gzip.decompress(Path(file).read_bytes()))
    own = PREPARATIONS[dataset] | {"inputs": tuple(plain[file] for file in packed.inputs)}
    if packed.dev is not None:
        own["dev"] = plain[packed.dev]
    prepare(Request(dataset=dataset, out=tmp_path / "out", workers=1, **own))
    found = content(tmp_path / "out")
    manifests = [json.loads(files.pop("manifest.json")) for files in (found, dict(alone[dataset]))]
    assert found == {name: data for name, data in alone[dataset].items() if name != "manifest.json"}
    inputs = [manifest.pop("inputs") for manifest in manifests]
    assert manifests[0] == manifests[1]
    assert [item["part"] for item in inputs[0]] == [item["part"] for item in inputs[1]]
    assert all(one["sha256"] != other["sha256"] for one, other in zip(*inputs, strict=True))
