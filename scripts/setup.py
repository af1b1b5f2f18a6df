"""Sets up ham-mrc from nothing but Python and pip, then runs the demo or the tests if asked.

    python3 scripts/setup.py            a virtual environment in .venv with all of ham-mrc in it
    python3 scripts/setup.py demo       the same, then `ham-mrc demo`
    python3 scripts/setup.py test       the same and the test tools, then the tests

Versions are those of constraints.txt. This file exists because of torch: for Linux, pip finds a build that brings
gigabytes of CUDA along, and no metadata of ours can ask for the small one. Everything else is plain pip.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
OLDEST = (3, 11)
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def main() -> int:
    """Set up, run what was asked for, and return its exit status."""
    parser = argparse.ArgumentParser(description="Set up ham-mrc in a virtual environment; then run the demo or tests.")
    parser.add_argument("then", nargs="?", choices=["demo", "test"], help="what to run once it is set up")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="folder of the environment (default: .venv)")
    options = parser.parse_args()
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        return _fail(f"ham-mrc needs Python 3.11 or newer, this is {found}; run this file with a newer python3")
    python = make_environment(options.venv.resolve())
    try:
        install(python, extras="all,test" if options.then == "test" else "train,glove,zh,tones")
    except subprocess.CalledProcessError as error:
        torch = f"put torch {pinned('torch')} into {options.venv} as pytorch.org says, then repeat this command"
        remedy = torch if str(error.cmd[-1]).startswith("torch") else "its last lines above say why"
        return _fail(f"this command failed: {' '.join(map(str, error.cmd))}; {remedy}")
    status = 0
    if options.then == "demo":
        # --force: whoever gives this command again wants to see it again.
        status = subprocess.call([python, "-m", "ham_mrc", "demo", "--force"], cwd=ROOT)
    if options.then == "test":
        status = subprocess.call([python, ROOT / "scripts" / "check.py", "tests"], cwd=ROOT)
    print(f"ham-mrc is set up in {options.venv}; as a command: {python.with_name('ham-mrc')}")
    return status


def make_environment(folder: Path) -> Path:
    """The Python of a virtual environment in `folder`, which is made unless it stands."""
    python = folder / SCRIPTS / ("python.exe" if os.name == "nt" else "python")
    if not python.exists():
        # Some Linux distributions ship Python without ensurepip; the pip beside this Python then serves.
        bare = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
        subprocess.run([sys.executable, "-m", "venv", *bare, folder], check=True)
    return python


def install(python: Path, *, extras: str) -> None:
    """Install this checkout with `extras`, and before it a torch without CUDA where there is no use for CUDA."""
    version = pinned("torch")
    if sys.platform == "linux" and not has_nvidia() and not has_torch(python, version):
        install_cpu_torch(python, version)
    pip(python, "install", "--constraint", CONSTRAINTS, "--editable", f"{ROOT}[{extras}]")


def pinned(package: str) -> str:
    """The version of `package` in constraints.txt."""
    found = re.search(rf"^{package}==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"constraints.txt pins no {package}"
    return found[1]


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is at hand."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def has_torch(python: Path, version: str) -> bool:
    """Whether the environment already holds `version` of torch, of whichever build."""
    code = "import importlib.metadata as m; print(m.version('torch').partition('+')[0])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return found.stdout.strip() == version


def install_cpu_torch(python: Path, version: str) -> None:
    """Install the CPU build: by pip where pip is configured to find one, else by uv, which knows where it lies."""
    print(f"torch {version}: the build without CUDA, since there is no NVIDIA driver here", flush=True)
    if pip(python, "install", "--no-deps", f"torch=={version}+cpu", check=False) == 0:
        return
    print("pip is not configured for that build; uv knows where it lies", flush=True)
    pip(python, "install", "--constraint", CONSTRAINTS, "uv")
    uv: list[str | Path] = [python, "-m", "uv", "pip", "install", "--python", python]
    subprocess.run([*uv, "--torch-backend", "cpu", "--no-deps", f"torch=={version}"], check=True)


def pip(python: Path, *arguments: str | Path, check: bool = True) -> int:
    """The exit status of pip run on the environment of `python`; from outside where that has no pip of its own.

    Where a failure is one of two good answers (`check=False`), pip's complaint about it is not shown.
    """
    inside = subprocess.run([python, "-c", "import pip"], capture_output=True).returncode == 0
    outside: list[str | Path] = [sys.executable, "-m", "pip", "--python", python]
    command: list[str | Path] = [python, "-m", "pip"] if inside else outside
    complaints = None if check else subprocess.DEVNULL
    command += ["--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=check, stderr=complaints).returncode


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
