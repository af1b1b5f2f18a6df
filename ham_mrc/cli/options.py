"""Options that several commands share, so that they are spelled and explained the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ham_mrc.cli.output import one_format, rendering

FormatName = Literal["table", "json", "markdown", "latex", "csv"]
CheckFormatName = Literal["table", "json", "markdown", "latex", "csv", "junit", "github"]

DEFAULT_SEED = 13


def _known_suffixes(paths: list[Path] | None) -> list[Path] | None:
    for path in paths or ():
        rendering(path)
    return paths


def _one_format(context: typer.Context, value: str) -> str:
    """Refuse `--json` beside another format before any work is done; called for both options, in either order."""
    params = {"format": "table", "json": False, **context.params}
    params["json" if isinstance(value, bool) else "format"] = value
    one_format(params["format"], params["json"])
    return value


_FORMAT_HELP = "How the result is printed on standard output."

Format = Annotated[FormatName, typer.Option("--format", callback=_one_format, help=_FORMAT_HELP)]
CheckFormat = Annotated[
    CheckFormatName,
    typer.Option("--format", callback=_one_format, help=f"{_FORMAT_HELP} junit and github need a check to report."),
]
Json = Annotated[bool, typer.Option("--json", callback=_one_format, help="Short for --format json.")]
Write = Annotated[
    list[Path] | None,
    typer.Option(
        "--write",
        metavar="FILE",
        callback=_known_suffixes,
        help="Also write the result to FILE, rendered by its suffix: .json .csv .md .tex .junit.xml .svg .html. "
        "May be repeated.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notices; warnings and errors stay.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Start of everything random; it is recorded.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a finished result that stands in the way.")]

Baseline = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="Fail where this stored result is better.")
]
Significant = Annotated[
    bool, typer.Option("--significant", help="A drop fails only if a paired test also gives p < 0.05.")
]
UpdateBaseline = Annotated[
    bool, typer.Option("--update-baseline", help="Write this result to the --baseline file, unchecked against it.")
]
IntervalResamples = Annotated[int, typer.Option("--resamples", min=100, help="Resamples of the intervals.")]

NoCorrection = Annotated[
    bool, typer.Option("--no-correction", help="Leave out Holm's correction (made where there are over two rows).")
]
TestResamples = Annotated[int, typer.Option("--resamples", min=100, help="Resamples of the tests and the intervals.")]

Device = Annotated[Literal["auto", "cpu", "cuda"] | None, typer.Option("--device", help="Where to train.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"] | None,
    typer.Option("--precision", help="Of matrix products; auto is bfloat16 on a GPU."),
]
MaxMinutes = Annotated[
    float | None, typer.Option("--max-minutes", help="End cleanly after so much training; 0: no limit.")
]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings in sections; a run's config.toml is one.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any one setting, as section.key=value. May be repeated."),
]
SettingsSeed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Start of everything random.", show_default=str(DEFAULT_SEED))
]


def need_training() -> None:
    """Raise MissingExtra where torch is not installed: scoring does without it, training and prediction do not."""
    from importlib.util import find_spec

    from ham_mrc.errors import MissingExtra

    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtra(package, "train", "this command")


def keep_memory() -> None:
    """For commands that are nothing but steps over the same tensors. A library leaves its host's memory alone."""
    from ham_mrc.training.memory import keep_freed_memory

    keep_freed_memory()
