"""The package as a whole: imports point one way, dependencies are declared and used, the wheel holds what it should."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ham_mrc

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ham_mrc"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The street: a module imports from its own folder and from lower floors, never sideways and never up.
FLOORS = (
    {"errors"},
    {"opening"},
    {"records", "text", "files", "tables", "progress", "config", "sample"},
    {"data_prep", "eval", "layers"},
    {"readers", "quatrains"},
    {"training"},
    {"sweep"},
    {"report"},
    {"cli"},
    {"__main__"},
)
# Where a package may be imported at all. Everything else named in pyproject.toml may stand anywhere.
ONLY_IN = {
    "torch": {"layers", "readers", "quatrains", "training", "sweep", "cli"},
    "safetensors": {"quatrains", "training"},
    "matplotlib": {"sweep"},
    "rich": {"cli"},
    "typer": {"cli"},
    "numpy": {"data_prep", "eval", "quatrains", "training"},
}
UNSAFE_MODULES = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "torch.save", "__import__"}
# The name to import, where it is not the package's own with "-" turned to "_".
IMPORT_NAMES = {"arro3-io": "arro3"}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room(path: Path) -> str:
    """The first part of a module's place in the package: "errors", "layers", ..."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function, by its full dotted name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}, line {node.lineno}: relative import; write it in full"
            assert node.module is not None
            if node.module == "ham_mrc":
                yield from (f"ham_mrc.{alias.name}" for alias in node.names)
            else:
                yield node.module


def floor(name: str) -> int:
    for height, rooms in enumerate(FLOORS):
        if name in rooms:
            return height
    raise AssertionError(f"ham_mrc.{name} has no floor yet: give it one in FLOORS")


def test_imports_point_down_the_street() -> None:
    wrong = []
    for path in MODULES:
        for name in imports(path):
            if not name.startswith("ham_mrc.") or name == "ham_mrc.__version__":
                continue
            imported = name.split(".")[1]
            down = path != PACKAGE / "__init__.py" and floor(imported) < floor(room(path))
            # A folder's files may lean on each other; the single files of the lowest floors stand alone.
            same_folder = imported == room(path) and (PACKAGE / imported).is_dir()
            if not down and not same_folder:
                wrong.append(f"{relative(path)} imports {name}")
    assert wrong == []


def test_config_leans_on_errors_only() -> None:
    assert {name for name in imports(PACKAGE / "config.py") if name.startswith("ham_mrc")} == {"ham_mrc.errors"}


def test_heavy_packages_stay_in_their_rooms() -> None:
    wrong = []
    for path in MODULES:
        for name in imports(path):
            package = name.split(".")[0]
            # Typer carries its own click; an exception of the separate package would not be caught.
            if package == "click" or room(path) not in ONLY_IN.get(package, {room(path)}):
                wrong.append(f"{relative(path)} imports {name}")
    assert wrong == []


OWN_PIPES = "data_prep/process_pool.py"
"""Pickles go from a process to the children that it started, and back, through pipes that no one else can open."""


def test_nothing_runs_code_out_of_data() -> None:
    wrong = []
    for path in MODULES:
        if relative(path) == OWN_PIPES:
            continue
        wrong += [f"{relative(path)} imports {name}" for name in imports(path) if name.split(".")[0] in UNSAFE_MODULES]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                pickled = any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in node.keywords)
                if called in UNSAFE_CALLS or pickled:
                    wrong.append(f"{relative(path)}, line {node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def project() -> dict[str, object]:
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def requirements() -> dict[str, Requirement]:
    """Every requirement of pyproject.toml, of the core and of all extras, but for those that name ham-mrc itself."""
    table = project()
    lines = [*table["dependencies"], *(line for extra in table["optional-dependencies"].values() for line in extra)]  # type: ignore[attr-defined, misc]
    found = (Requirement(line) for line in lines)
    return {canonicalize_name(one.name): one for one in found if one.name != "ham-mrc"}


def used_by_the_package() -> dict[str, Requirement]:
    tools = {canonicalize_name(Requirement(line).name) for line in project()["optional-dependencies"]["test"]}  # type: ignore[index]
    return {name: one for name, one in requirements().items() if name not in tools}


def test_every_import_is_declared_and_every_dependency_is_used() -> None:
    imported = {name.split(".")[0] for path in MODULES for name in imports(path)}
    foreign = imported - set(sys.stdlib_module_names) - {"ham_mrc"}
    declared = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in used_by_the_package()}
    # The package of vectors is found by importlib from its name alone, so no import statement shows it.
    text = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    assert foreign <= declared
    assert {name for name in declared - foreign if f'"{name}"' not in text} == set()


def test_every_import_of_tests_and_scripts_is_declared() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    local = {path.stem for path in files} | {path.parent.name for path in files} | {"ham_mrc"}
    imported = {name.split(".")[0] for path in files for name in imports(path)}
    declared = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in requirements()}
    assert imported - set(sys.stdlib_module_names) - local <= declared


def test_constraints_pin_what_is_required() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert list(pins) == sorted(pins)
    for name, requirement in requirements().items():
        assert name in pins, f"constraints.txt pins no {name}"
        assert requirement.specifier.contains(pins[name]), f"{requirement} does not allow the pinned {pins[name]}"


def test_every_dependency_has_its_sentence() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    named = {canonicalize_name(name) for name in re.findall(r"^\| \*\*([\w.-]+)\*\*", page, re.MULTILINE)}
    assert named == set(requirements())


def test_one_version_everywhere() -> None:
    version = ham_mrc.__version__
    assert importlib.metadata.version("ham-mrc") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[:2]
    assert version in newest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    metadata = {name for name in names if name.split("/")[0] == f"ham_mrc-{ham_mrc.__version__}.dist-info"}
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert names - metadata == ours
    assert {"ham_mrc/py.typed", "ham_mrc/configs/match-lstm-small.toml"} <= names
    assert any(name.startswith("ham_mrc/sample/") for name in names)


def test_wheel_metadata(wheel: zipfile.ZipFile) -> None:
    info = f"ham_mrc-{ham_mrc.__version__}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "\nLicense-Expression: MIT\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "ham-mrc = ham_mrc.cli.main:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    light = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert not [line for line in light if "torch" in line], "scoring must not pull torch"
