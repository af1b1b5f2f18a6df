"""`ham-mrc info`: true on this machine, and still helpful where half of it is missing."""

import importlib.metadata
import importlib.util
import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

import ham_mrc
from ham_mrc.cli import info as module
from ham_mrc.cli.main import run


def test_json_tells_versions_datasets_and_readers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["schema"] == 1
    assert facts["version"] == ham_mrc.__version__
    assert facts["python"].endswith(platform.python_version())
    assert facts["packages"]["orjson"] == importlib.metadata.version("orjson")
    assert "squad" in facts["datasets"]
    assert facts["devices"]
    if importlib.util.find_spec("torch"):
        from ham_mrc.layers import product

        assert "match-lstm" in facts["readers"]
        assert set(facts["compiled"]) == {"match-LSTM", "LSTM", "GRU", "levels"}
        assert facts["products"] == ("oneDNN" if product.why_not() is None else f"torch's own: {product.why_not()}")
        assert facts["devices"][0].startswith("cpu (")


def test_products_that_onednn_does_not_compute_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    product = pytest.importorskip("ham_mrc.layers.product")
    monkeypatch.setenv("HAM_MRC_NATIVE", "0")
    monkeypatch.setattr(product, "why_not", product.why_not.__wrapped__)
    assert module.gather()["products"] == "torch's own: switched off by HAM_MRC_NATIVE=0"


def test_the_table_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "--write", str(tmp_path / "i.json")]) == 0
    out = capsys.readouterr().out
    facts = json.loads((tmp_path / "i.json").read_text())
    for key in ("version", "python", "platform"):
        assert any(line.split(maxsplit=1) == [key, facts[key]] for line in out.splitlines())
    assert f"orjson {facts['packages']['orjson']}" in out


REQUIREMENTS = [
    "orjson>=3.10",
    "no-such-package-here>=1; python_version < '4'",
    "torch<3,>=2.13; extra == 'train'",
    "another-missing-one; extra == 'test'",
    'pytest>=9; extra == "test"',
    "ham-mrc[test,train]; extra == 'all'",
]


def test_extras_are_read_from_the_metadata(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    known = {"orjson": "3.13.0", "torch": "2.13.0", "pytest": "9.2.0"}

    def version(name: str) -> str:
        if name not in known:
            raise importlib.metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(importlib.metadata, "requires", lambda name: REQUIREMENTS)
    monkeypatch.setattr(importlib.metadata, "version", version)
    facts = module.gather()
    assert facts["packages"] == {
        "another-missing-one": None,
        "no-such-package-here": None,
        "orjson": "3.13.0",
        "pytest": "9.2.0",
        "torch": "2.13.0",
    }
    assert facts["extras"] == {"test": False, "train": True}
    assert run(["info"]) == 0
    assert "test missing, train\n" in capsys.readouterr().out


def test_without_torch_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "torch" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    for name in [name for name in sys.modules if name.startswith("ham_mrc.readers")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    facts = module.gather()
    assert facts["devices"] == ["none (torch is not installed)"]
    assert facts["readers"] == []


def test_a_broken_torch_is_reported_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert module.gather()["devices"][0].startswith("none (torch cannot be imported: ")
