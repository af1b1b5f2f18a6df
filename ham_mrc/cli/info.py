"""`ham-mrc info`: what one pastes into a bug report."""

from __future__ import annotations

import os
import re
from typing import Any

from ham_mrc import __version__
from ham_mrc.cli import options
from ham_mrc.cli.output import Document, show
from ham_mrc.tables import make_table

SCHEMA = 1

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"])?")


def info(format: options.Format = "table", json: options.Json = False, write: options.Write = None) -> None:
    """Versions, devices, extras, datasets and readers: what one pastes into a bug report."""
    facts = gather()
    rows = [(name.replace("_", " "), _shown(value)) for name, value in facts.items() if name != "schema"]
    show(Document(facts, [make_table(("ham-mrc info", ""), rows)]), format, json=json, write=write)


def gather() -> dict[str, Any]:
    """Everything worth knowing about this installation and this machine, ready for JSON.

    `packages` holds a version or None for each package that ham-mrc can use, `extras` whether each extra's
    packages are all there.
    """
    import platform

    from ham_mrc.data_prep import DATASETS

    packages, extras = _requirements()
    return {
        "schema": SCHEMA,
        "version": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": packages,
        "extras": extras,
        "devices": _devices(),
        "compiled": _compiled(),
        "products": _products(),
        "datasets": sorted(DATASETS),
        "readers": _readers(),
    }


def _requirements() -> tuple[dict[str, str | None], dict[str, bool]]:
    """Versions of the packages that ham-mrc asks for, and which extras are complete, from its own metadata."""
    import importlib.metadata

    try:
        requirements = importlib.metadata.requires("ham-mrc") or []
    except importlib.metadata.PackageNotFoundError:  # run from a folder, never installed
        requirements = ["torch", "numpy", "orjson", "rich", "typer"]
    packages: dict[str, str | None] = {}
    extras: dict[str, bool] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or match["name"].lower().replace("_", "-") == "ham-mrc":
            continue  # an extra that gathers others names ham-mrc itself
        packages[match["name"]] = version = _version(match["name"])
        if match["extra"]:
            extras[match["extra"]] = extras.get(match["extra"], True) and version is not None
    return dict(sorted(packages.items())), dict(sorted(extras.items()))


def _version(package: str) -> str | None:
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> list[str]:
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        return ["none (torch is not installed)"]
    try:
        import torch
    except Exception as fault:  # a broken installation is just what a bug report must tell
        return [f"none (torch cannot be imported: {fault})"]
    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} ({card.name}, {card.total_memory / 2**30:.0f} GiB)")
    return devices


def _compiled() -> dict[str, str]:
    """Each part that has a compiled form: by what it was compiled, or why the form in torch operations is in use."""
    try:
        from ham_mrc.layers import native_gru, native_levels, native_lstm, native_match
    except ImportError:
        return {}
    parts = {"match-LSTM": native_match, "LSTM": native_lstm, "GRU": native_gru, "levels": native_levels}
    found = {name: part.compiled() for name, part in parts.items()}
    return {name: part.why if part.library else f"not in use: {part.why}" for name, part in found.items()}


def _products() -> str:
    """What multiplies large float32 matrices on the CPU: oneDNN, or torch's own choice and why."""
    try:
        from ham_mrc.layers.product import why_not
    except ImportError:
        return ""
    why = why_not()
    return "oneDNN" if why is None else f"torch's own: {why}"


def _readers() -> list[str]:
    try:
        from ham_mrc.readers import READERS
    except ImportError:
        return []
    return sorted(READERS)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        parts = (name if shown is True else f"{name} {shown or 'missing'}" for name, shown in value.items())
        return ", ".join(parts) or "none"
    return ", ".join(value) if isinstance(value, list) else str(value)
