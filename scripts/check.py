"""The whole ritual: formatting, lint, types, tests, docs.

    python scripts/check.py                 everything
    python scripts/check.py lint types      these steps only
    python scripts/check.py --fix           rewrite what can be rewritten, then check everything

CI runs this same file.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable

STEPS = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
    "types": [PYTHON, "-m", "mypy"],
    "tests": [PYTHON, "-m", "pytest", "-q", "-n", "2"],
    "docs": [PYTHON, "scripts/make_docs.py", "--check"],
}
# In this order: the lint fixes may leave lines that want formatting.
FIXES = {
    "lint": [PYTHON, "-m", "ruff", "check", "--fix-only", "."],
    "format": [PYTHON, "-m", "ruff", "format", "."],
    "docs": [PYTHON, "scripts/make_docs.py"],
}


def main() -> int:
    """Run the steps, all of them even when one fails; 0 if every one passed, else 1."""
    parser = argparse.ArgumentParser(description="Check formatting, lint, types, tests and docs.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"any of {', '.join(STEPS)} (default: all)")
    parser.add_argument("--fix", action="store_true", help="first rewrite what can be rewritten")
    options = parser.parse_args()
    # A background job of a shell ignores Ctrl-C, and so would what it starts: the tests of interrupts among them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unknown = [step for step in options.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]!r}; the steps are {', '.join(STEPS)}")
    chosen = options.steps or list(STEPS)
    if options.fix:
        for step in FIXES:
            if step in chosen:
                _run(FIXES[step])
    failed = [step for step in chosen if not _passes(step)]
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall checks passed")
    return 1 if failed else 0


def _passes(step: str) -> bool:
    print(f"\n== {step}", flush=True)
    began = time.monotonic()
    passed = _run(STEPS[step]) == 0
    print(f"== {step}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return passed


def _run(command: list[str]) -> int:
    return subprocess.call(command, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
