"""A preparation in N jobs that know nothing of each other, and their union: `--shard I/N` and `--merge`.

Every job surveys the whole input, which is the cheap part, and so comes to the same split; then it encodes every N-th
chunk. The union is to the byte what one job alone would have written.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ham_mrc import __version__
from ham_mrc.data_prep.dataset import Source
from ham_mrc.data_prep.encode import Encoded, encode_chunk
from ham_mrc.data_prep.fields import field
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.part_encoder import Encoding
from ham_mrc.data_prep.piece import Piece, Tally
from ham_mrc.data_prep.plan import Plan, make_plan
from ham_mrc.data_prep.pool import open_pool
from ham_mrc.data_prep.prepare import describe_inputs, write_parts
from ham_mrc.data_prep.request import Request
from ham_mrc.errors import HamError
from ham_mrc.files import parse_json, read_json, to_json, write_folder, write_json
from ham_mrc.progress import Progress, silent

SHARD = "shard.json"
SCHEMA = 1
_NOT_OF_THE_WORK = ("out", "force", "workers", "executor", "shard")
"""Settings that may differ from job to job."""
_SETTINGS = {item.name for item in fields(Request)} - set(_NOT_OF_THE_WORK)
_KINDS = {
    "shard": list,
    "chunks": int,
    "request": dict,
    "inputs": list,
    "version": str,
    "parts": list,
    "null_position": bool,
}
"""What shard.json must say beside who wrote it."""


def prepare_shard(request: Request, progress: Progress = silent) -> dict[str, Any]:
    """Write the folder `request.out` with every N-th chunk encoded, and return what shard.json says of it.

    Raises HamError as `prepare` does.
    """
    request.check()
    assert request.shard is not None
    index, count = request.shard
    with (
        write_folder(request.out, finished=SHARD, force=request.force) as folder,
        open_pool(request.worker_count, request.executor) as pool,
    ):
        inputs = describe_inputs(request)
        plan = make_plan(request, folder, pool, progress)
        portions = islice(plan.portions(request, progress), index, None, count)
        for number, encoded in enumerate(pool.map(encode_chunk, portions, shared=plan.encoding)):
            _save(folder / _name(index + number * count), encoded)
        about = {
            "schema": SCHEMA,
            "kind": "ham-mrc shard",
            "tool": __version__,
            "shard": [index, count],
            "chunks": plan.chunks,
            "request": _settings(request),
            "inputs": inputs,
            "version": plan.version,
            "parts": list(plan.parts),
            "null_position": plan.encoding.reading.null_position,
        }
        write_json(folder / SHARD, about)
    return about


def merge_shards(folders: Sequence[str | Path], out: str | Path, *, force: bool = False) -> Manifest:
    """Join the shards of one preparation to the prepared folder `out`, whole or not at all.

    Raises HamError where a shard is missing, stands twice, or is of another preparation.
    """
    shards = _in_order(folders)
    about = next(iter(shards.values()))
    request = Request(**{**about["request"], "inputs": tuple(about["request"]["inputs"]), "out": out})
    reading = replace(request.reading(), null_position=about["null_position"])
    encoding = Encoding(
        dataset=request.dataset,
        reading=reading,
        training=request.training_limits,
        evaluation=request.evaluation_limits,
        lowercase=request.lowercase,
    )
    plan = Plan(encoding, {}, tuple(about["parts"]), about["version"])
    encoded = (_load(_of(shards, number) / _name(number)) for number in range(about["chunks"]))
    with write_folder(out, finished=MANIFEST, force=force) as folder:
        return write_parts(request, folder, plan, about["inputs"], encoded)


def _settings(request: Request) -> dict[str, Any]:
    settings = {name: getattr(request, name) for name in sorted(_SETTINGS)}
    settings |= {name: None if settings[name] is None else str(settings[name]) for name in ("dev", "test")}
    settings["inputs"] = [str(file) for file in request.inputs]
    settings["options"] = dict(request.options)
    return settings


def _in_order(folders: Sequence[str | Path]) -> dict[Path, dict[str, Any]]:
    """folder -> its shard.json, from shard 0 on, when all are there and belong together."""
    abouts = [(Path(folder), _about(Path(folder))) for folder in folders]
    first, about = abouts[0]
    for folder, other in abouts:
        if differing := _differing(about, other):
            raise HamError(
                f"is a shard of another preparation than {first} (they differ in {', '.join(differing)})",
                file=folder,
                remedy="prepare all shards with the same settings on the same files",
            )
    count = about["shard"][1]
    places = Counter(other["shard"][0] for _, other in abouts)
    for number, times in places.items():
        if times > 1:
            raise HamError(f"shard {number}/{count} is given twice", remedy="give each shard once")
    missing = [f"{number}/{count}" for number in range(count) if not places[number]]
    if missing:
        raise HamError(f"shard {', '.join(missing)} is missing", remedy="give the folders of all shards")
    return dict(sorted(abouts, key=lambda item: int(item[1]["shard"][0])))


def _differing(about: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What two jobs must share and do not: settings by their names, and what was found in the files."""
    mine, theirs = ({**found["request"], **found, "number of shards": found["shard"][1]} for found in (about, other))
    return [key for key in mine if key not in ("shard", "request") and mine[key] != theirs[key]]


def _about(folder: Path) -> dict[str, Any]:
    file = folder / SHARD
    if not file.is_file():
        raise HamError(f"is no shard (it holds no {SHARD})", file=folder, remedy="make it with --shard I/N")
    content = read_json(file)
    if not isinstance(content, dict) or content.get("kind") != "ham-mrc shard":
        raise HamError("is not a shard of ham-mrc", file=file, remedy="prepare it again")
    if (content.get("schema"), content.get("tool")) != (SCHEMA, __version__):
        raise HamError(
            f"made by ham-mrc {content.get('tool')}; this is {__version__}", file=file, remedy="prepare again"
        )
    for key, kind in _KINDS.items():
        field(content, key, kind, Source(str(file), ""))
    shard = content["shard"]
    if len(shard) != 2 or set(map(type, shard)) != {int} or content["request"].keys() != _SETTINGS:
        raise HamError("is damaged", file=file, remedy="prepare this shard again")
    return content


def _of(shards: Iterable[Path], number: int) -> Path:
    folders = list(shards)
    return folders[number % len(folders)]


def _name(number: int) -> str:
    return f"{number:06d}.npz"


def _save(path: Path, encoded: Encoded) -> None:
    arrays: dict[str, Any] = {"words": _bytes("\n".join(encoded.words))}
    for part, piece in encoded.pieces.items():
        arrays |= {f"{part}.columns.{name}": values for name, values in piece.columns.items()}
        arrays |= {
            f"{part}.references": np.frombuffer(piece.references, np.uint8),
            f"{part}.tally": np.frombuffer(to_json(piece.tally.to_json()), np.uint8),
            f"{part}.passage_keys": piece.passage_keys,
            f"{part}.passage_questions": piece.passage_questions,
            f"{part}.id_keys": piece.id_keys,
            f"{part}.codes": piece.characters[0],
            f"{part}.code_counts": piece.characters[1],
        }
    np.savez(path, **arrays)


def _bytes(text: str) -> Any:
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def _load(path: Path) -> Encoded:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _encoded(dict(arrays))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise HamError("is missing or damaged", file=path, remedy="prepare this shard again") from error


def _encoded(arrays: dict[str, Any]) -> Encoded:
    text = arrays.pop("words").tobytes().decode("utf-8", "surrogatepass")
    pieces = {}
    for part in dict.fromkeys(name.split(".", 1)[0] for name in arrays):
        mine = {name.removeprefix(f"{part}."): values for name, values in arrays.items() if name.startswith(f"{part}.")}
        columns = {name.removeprefix("columns."): mine[name] for name in mine if name.startswith("columns.")}
        tally = parse_json(mine["tally"].tobytes(), part)
        tally |= {name: Counter(tally[name]) for name in ("dropped", "unlabelled")}
        keys = (mine["passage_keys"], mine["passage_questions"], mine["id_keys"])
        characters = (mine["codes"], mine["code_counts"])
        pieces[part] = Piece(columns, mine["references"].tobytes(), Tally(**tally), *keys, characters)
    return Encoded(text.split("\n") if text else [], pieces)
