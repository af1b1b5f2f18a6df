"""C++ beside the package, compiled for this machine at first use: quicker, never needed.

Where there is a C++ compiler, a source file of `ham_mrc/layers/cpp` becomes a shared library in the user's cache folder
(seconds, once for each version of the source, compiler and processor). Where there is none, or HAM_MRC_NATIVE is 0, the
forms in torch operations are used, which are the reference. Nothing is compiled or loaded by an import.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

SWITCH = "HAM_MRC_NATIVE"
"""The environment variable that switches compiled code off where it is 0."""

FLAGS = ("-O3", "-march=native", "-std=c++17", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
LINK = ("-shared", "-fPIC", "-pthread")
SOURCES = Path(__file__).with_name("cpp")
SECONDS = 120
"""How long a compiler may take before it counts as absent."""


@dataclass(frozen=True, slots=True)
class Native:
    """A loaded library, or why there is none: then `library` is None."""

    library: ctypes.CDLL | None
    why: str


@functools.cache
def load_native(name: str) -> Native:
    """The compiled `layers/cpp/NAME.cpp`, built now if it never was. Raises nothing: `why` says what is missing."""
    if os.environ.get(SWITCH, "1") == "0":
        return Native(None, f"switched off by {SWITCH}=0")
    compiler = shutil.which(os.environ.get("CXX", "") or "c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return Native(None, "no C++ compiler (c++, g++ or clang++)")
    try:
        path = _built(SOURCES / f"{name}.cpp", compiler)
        return Native(ctypes.CDLL(str(path)), f"compiled by {Path(compiler).name}")
    except subprocess.CalledProcessError as error:
        lines = (line for line in (error.stderr or "").splitlines() if "error" in line)
        return Native(None, f"{Path(compiler).name} failed: {next(lines, error.returncode)}")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Native(None, f"could not be built ({error})")


def pointers(*tensors: Tensor | None) -> ctypes.Array[ctypes.c_void_p]:
    """A C structure of nothing but pointers. The caller keeps the tensors alive until the call is over."""
    return (ctypes.c_void_p * len(tensors))(*(None if tensor is None else tensor.data_ptr() for tensor in tensors))


def by_direction(products: Sequence[Tensor], ways: int) -> list[Tensor | None]:
    """Where the numbers of two directions begin, in a tensor each or in halves of one; None for a second of one way."""
    if len(products) == ways:
        return [*products, None][:2]
    return list(products[0].tensor_split(2, -1))


def cache_folder() -> Path:
    """Where compiled libraries are kept: ham-mrc in $XDG_CACHE_HOME, or in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ham-mrc"


def _built(source: Path, compiler: str) -> Path:
    """The library of a source. It is put in its place whole, so two processes may build it at once."""
    code = [file.read_bytes() for file in (source, *sorted(source.parent.glob("*.h")))]
    key = hashlib.sha256(b"\0".join([*code, *map(str.encode, (*FLAGS, *LINK, *_machine(compiler)))])).hexdigest()
    target = cache_folder() / f"{source.stem}-{key[:16]}.so"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as folder:
        made = Path(folder) / target.name
        command = [compiler, *FLAGS, *LINK, "-o", str(made), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
        os.replace(made, target)
    return target


def _machine(compiler: str) -> tuple[str, ...]:
    """What decides the code besides its source: a home folder may be shared by machines of several kinds."""
    found = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True, timeout=SECONDS)
    return found.stdout, platform.system(), platform.machine(), _processor_features()


def _processor_features() -> str:
    """The instruction sets of this processor, as Linux tells them; elsewhere its name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
