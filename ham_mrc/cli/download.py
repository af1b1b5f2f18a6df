"""`ham-mrc download`: the official files of a dataset, checked, with the terms on which they may be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show
from ham_mrc.cli.progress import reporter
from ham_mrc.data_prep.known_files import COLLECTIONS
from ham_mrc.tables import Table, make_table

if TYPE_CHECKING:
    from ham_mrc.data_prep.download import Fetched
    from ham_mrc.data_prep.known_files import Collection

SCHEMA = 1


def download(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help=f"One of {', '.join(COLLECTIONS)}.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to put the files in.")],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only files whose names match, as '*v1.1*'. May be repeated."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="A mirror, which has each file as URL/NAME.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Try again after so long without a byte.")
    ] = 30.0,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Fetch the official files of a dataset, check their size and SHA-256, and say on what terms they may be used.

    What was cut off is gone on with, by the same command; what is there already is only checked.
    """
    from ham_mrc.data_prep.download import choose
    from ham_mrc.data_prep.download import download as run
    from ham_mrc.data_prep.fetch import Line

    collection, files = choose(dataset, only or ())
    found = list(run(files, out, base_url=base_url, line=Line(timeout, reporter(quiet))))
    content = as_json(dataset, collection, found, out)
    show(Document(content, [as_table(dataset, collection, found)]), format, json=json, write=write)
    if collection.after:
        notice(f"next: {collection.after}", quiet=quiet)


def as_json(dataset: str, collection: Collection, found: list[Fetched], out: Path) -> dict[str, Any]:
    """Everything about the files; `published_sha256` and `published_bytes` are null where nobody publishes them."""
    files = [
        {
            "name": one.file.name,
            "path": str(one.path),
            "url": one.url,
            "how": one.how,
            "bytes": one.bytes,
            "published_bytes": one.file.bytes,
            "sha256": one.sha256,
            "published_sha256": one.file.sha256,
        }
        for one in found
    ]
    terms = {"license": collection.license, "citation": collection.citation}
    return {"schema": SCHEMA, "dataset": dataset, "out": str(out), **terms, "files": files}


def as_table(dataset: str, collection: Collection, found: list[Fetched]) -> Table:
    """A row for each file; below, the terms, and the checksums of files that could not be held against one."""
    rows = [(one.file.name, f"{one.bytes:,}", one.how, _checked(one)) for one in found]
    unknown = [
        f"no checksum of {one.file.name} is published; its SHA-256 is {one.sha256}"
        for one in found
        if one.file.sha256 is None
    ]
    terms = [f"license: {collection.license}", f"please cite: {collection.citation}"]
    headers = ("file", "bytes", "came", "checked by")
    return make_table(headers, rows, right=("bytes",), title=dataset, notes=[*unknown, *terms])


def _checked(one: Fetched) -> str:
    """What it was held against: what is published about it, or the length that the server announced."""
    if one.file.sha256 is not None:
        return "size and SHA-256"
    return "nothing" if one.how == "already there" else "length only"
