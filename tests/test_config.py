"""Settings: every fault at once with the nearest spelling, and nothing lost on the way through a file."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.config import (
    SEED_LIMIT,
    EmbeddingSettings,
    TrainingSettings,
    build_config,
    merge,
    parse_assignment,
    preset_names,
    read_preset,
    read_toml,
)
from ham_mrc.errors import ConfigError, HamError


class Options(TypedDict, total=False):
    """Settings that several readers share."""

    heads: int
    radius: int
    temperature: float
    local: Literal["none", "window"]


HAM_DEFAULTS = {"heads": 0, "radius": 10, "temperature": 1.0, "local": "none"}
"""Where `build_config` looks for the defaults: beside the TypedDict."""


class Reader:
    """Has one setting of each type, and those that it shares."""

    def __init__(
        self,
        embedding: object,
        *,
        depth: int = 1,
        hidden: int = 150,
        dropout: float = 0.25,
        score: str = "additive",
        share_encoder: bool = True,
        way: Literal["in", "out"] = "in",
        **ham: Unpack[Options],
    ) -> None:
        pass


READERS: dict[str, Any] = {"reader": Reader}


def build(**sections: dict[str, Any]) -> Any:
    """The config of `sections`, for the one reader of this file."""
    return build_config(merge({"reader": {"name": "reader"}}, sections), READERS)


def faults(**sections: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build(**sections)
    return caught.value.faults


def test_defaults() -> None:
    config = build()
    assert config.reader_settings == {
        "depth": 1,
        "hidden": 150,
        "dropout": 0.25,
        "score": "additive",
        "share_encoder": True,
        "way": "in",
        "heads": 0,
        "radius": 10,
        "temperature": 1.0,
        "local": "none",
    }
    assert config.embeddings == EmbeddingSettings(source="", width=100)
    assert config.training == TrainingSettings()
    assert config.training.seed == 13


@pytest.mark.parametrize(
    ("section", "settings", "fault"),
    [
        ("reader", {"hiden": 3}, '[reader]: no option "hiden"; did you mean "hidden"?'),
        ("reader", {"quux": 3}, '[reader]: no option "quux"'),
        ("reader", {"embedding": 3}, '[reader]: no option "embedding"'),
        ("reader", {"depth": 0}, "[reader] depth = 0: must be 1 or more"),
        ("reader", {"depth": 1.5}, "[reader] depth = 1.5: is not a whole number"),
        ("reader", {"depth": True}, "[reader] depth = True: is not a whole number"),
        ("reader", {"dropout": 1}, "[reader] dropout = 1.0: must be at least 0 and below 1"),
        ("reader", {"dropout": -0.1}, "[reader] dropout = -0.1: must be at least 0 and below 1"),
        ("reader", {"dropout": "much"}, "[reader] dropout = 'much': is not a finite number"),
        ("reader", {"score": 3}, "[reader] score = 3: is not text"),
        ("reader", {"share_encoder": 1}, "[reader] share_encoder = 1: is not true or false"),
        ("reader", {"way": "up"}, "[reader] way = 'up': not one of in, out"),
        ("reader", {"haeds": 3}, '[reader]: no option "haeds"; did you mean "heads"?'),
        ("reader", {"ham": {}}, '[reader]: no option "ham"'),
        ("reader", {"local": "windows"}, "[reader] local = 'windows': not one of none, window"),
        ("reader", {"heads": 1.0}, "[reader] heads = 1.0: is not a whole number"),
        ("reader", {"heads": -1}, "[reader] heads = -1: must be 0 or more"),
        ("reader", {"radius": 0}, "[reader] radius = 0: must be 1 or more"),
        ("reader", {"temperature": 0}, "[reader] temperature = 0.0: must be above 0"),
        ("reader", {"name": "raeder"}, "[reader]: no reader 'raeder'; did you mean \"reader\"?; there are reader"),
        ("embeddings", {"width": 0}, "[embeddings] width = 0: must be 1 or more"),
        ("training", {"lr": math.nan}, "[training] lr = nan: is not a finite number"),
        ("training", {"lr": math.inf}, "[training] lr = inf: is not a finite number"),
        ("training", {"lr": False}, "[training] lr = False: is not a finite number"),
        ("training", {"lr": -1}, "[training] lr = -1.0: must be 0 or more"),
        ("training", {"epochs": 0}, "[training] epochs = 0: must be 1 or more"),
        ("training", {"epochs": "3"}, "[training] epochs = '3': is not a whole number"),
        ("training", {"batch_size": 0}, "[training] batch_size = 0: must be 1 or more"),
        ("training", {"eval_batch_size": 0}, "[training] eval_batch_size = 0: must be 1 or more"),
        ("training", {"max_answer_tokens": 0}, "[training] max_answer_tokens = 0: must be 1 or more"),
        ("training", {"accumulate": 0}, "[training] accumulate = 0: must be 1 or more"),
        ("training", {"average": 1}, "[training] average = 1.0: must be at least 0 and below 1"),
        ("training", {"average": -0.1}, "[training] average = -0.1: must be at least 0 and below 1"),
        ("training", {"rho": 1}, "[training] rho = 1.0: must be at least 0 and below 1"),
        ("training", {"eps": -1e-8}, "[training] eps = -1e-08: must be 0 or more"),
        ("training", {"halve_patience": 0}, "[training] halve_patience = 0: must be 1 or more"),
        ("training", {"schedule": "falling"}, "[training] schedule = 'falling': not one of constant, linear, halving"),
        ("training", {"choose_by": 3}, "[training] choose_by = 3: is not text"),
        ("training", {"patience": -1}, "[training] patience = -1: must be 0 or more"),
        ("training", {"seed": -1}, "[training] seed = -1: must be 0 or more"),
        ("training", {"seed": SEED_LIMIT}, "[training] seed = 4294967296: must be below 4294967296"),
        ("training", {"optimizer": "sgd"}, "[training] optimizer = 'sgd': not one of adam, adamax, adadelta"),
        ("trainign", {"lr": 1}, 'no section [trainign]; did you mean "training"?'),
        ("metrics", {}, "no section [metrics]"),
    ],
)
def test_one_fault(section: str, settings: dict[str, Any], fault: str) -> None:
    assert faults(**{section: settings}) == (fault,)


def test_all_faults_at_once() -> None:
    found = faults(trainign={}, reader={"hiden": 3, "depth": 0}, embeddings={"with": 3}, training={"lr": "fast"})
    assert found == (
        'no section [trainign]; did you mean "training"?',
        '[reader]: no option "hiden"; did you mean "hidden"?',
        '[embeddings]: no option "with"; did you mean "width"?',
        "[training] lr = 'fast': is not a finite number",
        "[reader] depth = 0: must be 1 or more",
    )


def test_faults_name_their_file() -> None:
    with pytest.raises(ConfigError) as caught:
        build_config({"reader": {"name": "reader", "hiden": 3}}, READERS, file="rnet.toml")
    assert str(caught.value) == 'rnet.toml: [reader]: no option "hiden"; did you mean "hidden"?'


def test_whole_numbers_do_for_rates() -> None:
    rate = build(training={"lr": 1}).training.lr
    assert (rate, type(rate)) == (1.0, float)


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("training.lr=0.001", {"training": {"lr": 0.001}}),
        ("training.lr = 1e-3", {"training": {"lr": 0.001}}),
        ("reader.share_encoder=false", {"reader": {"share_encoder": False}}),
        ("reader.score=scaled_dot", {"reader": {"score": "scaled_dot"}}),
        ('reader.score="dot"', {"reader": {"score": "dot"}}),
        ("embeddings.source=", {"embeddings": {"source": ""}}),
        ("embeddings.source=a=b.txt", {"embeddings": {"source": "a=b.txt"}}),
    ],
)
def test_assignments(text: str, layer: dict[str, Any]) -> None:
    assert parse_assignment(text) == layer


@pytest.mark.parametrize("text", ["lr=3", "training.lr", "training.=3", "=3", ""])
def test_faulty_assignments(text: str) -> None:
    with pytest.raises(ConfigError, match=f"^--set {re.escape(text)}: write section.key=value, for example"):
        parse_assignment(text)


def test_later_layers_win_key_by_key() -> None:
    layers = {"a": {"x": 1, "y": 1}}, {"a": {"y": 2}, "b": {"z": 2}}, {"b": {"z": 3}}
    assert merge(*layers) == {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    assert layers[0] == {"a": {"x": 1, "y": 1}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[a\n", "is not a TOML file (Expected ']' at the end of a table declaration (at line 1, column 3))"),
        (
            b"[a]\nx = \xff",
            "is not a TOML file ('utf-8' codec can't decode byte 0xff in position 8: invalid start byte)",
        ),
        (b"reader = 3\nlr = 4\n", '"reader" is not a section; write [section] above settings; "lr" is not a section'),
    ],
)
def test_files_that_are_not_settings(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(content)
    with pytest.raises(HamError) as caught:
        read_toml(file)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(HamError, match=r"a\.toml: no such file$"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(HamError, match=r"cannot be read \(Is a directory\)$"):
        read_toml(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"\xef\xbb\xbf[a]\nx = 1\n")
    assert read_toml(file) == {"a": {"x": 1}}


NUMBERS = st.floats(0, 1e6, allow_nan=False)
COUNTS = st.integers(1, 10**6)


@given(
    reader=st.fixed_dictionaries(
        {
            "depth": COUNTS,
            "dropout": st.floats(0, 0.99),
            "share_encoder": st.booleans(),
            "way": st.sampled_from(["out"]),
            "local": st.sampled_from(["window"]),
            "temperature": st.floats(0.01, 10),
        }
    ),
    embeddings=st.fixed_dictionaries({"source": st.text(st.characters(codec="utf-8")), "width": COUNTS}),
    training=st.fixed_dictionaries({"lr": NUMBERS, "max_minutes": NUMBERS, "seed": st.integers(0, SEED_LIMIT - 1)}),
)
def test_config_comes_back_from_its_own_file(
    reader: dict[str, Any], embeddings: dict[str, Any], training: dict[str, Any]
) -> None:
    config = build(run={"preset": "some"}, reader=reader, embeddings=embeddings, training=training)
    text = config.to_toml(run={"schema": 1}, data={"folder": "data"})
    sections = tomllib.loads(text)
    assert build_config(sections, READERS) == config
    assert sections["run"] == {"schema": 1, "preset": "some"}
    assert sections["data"] == {"folder": "data"}
    assert set(sections["training"]) == {item.name for item in fields(TrainingSettings)}


def test_every_range_is_of_a_setting_that_there_is() -> None:
    """A setting that is renamed would lose its range without a word."""
    from ham_mrc import config
    from ham_mrc.readers import READERS

    known = {item.name for cls in (TrainingSettings, EmbeddingSettings) for item in fields(cls)}
    known |= {name for reader in READERS.values() for name in config.reader_options(reader)[1]}
    assert config._LEAST_ONE | config._NOT_NEGATIVE | config._SHARES | {"temperature"} <= known


def test_unknown_preset() -> None:
    names = ", ".join(preset_names())
    with pytest.raises(ConfigError) as caught:
        read_preset("match-lstm-smal")
    assert str(caught.value) == (f"no preset 'match-lstm-smal'; did you mean \"match-lstm-small\"?; there are {names}")


@pytest.mark.parametrize("name", preset_names())
def test_presets_build(name: str) -> None:
    import torch

    from ham_mrc.layers.embedding import WordEmbedding
    from ham_mrc.readers import READERS

    config = build_config(merge(read_preset(name), {"run": {"preset": name}}), READERS)
    assert config.preset == name
    reader = READERS[config.reader](WordEmbedding(4, 3, torch.zeros(5, 4)), 7, **config.reader_settings)
    assert sum(parameter.numel() for parameter in reader.parameters()) > config.reader_settings["hidden"]


def test_original_preset_is_the_program_of_the_paper() -> None:
    # The table "Match-LSTM" in the paper's own reading: one-directional LSTMs of 150, Adam 1e-3, batches of 32,
    # thirty epochs, model chosen by exact match, answers of up to 15 tokens.
    preset = read_preset("match-lstm-original")
    assert preset["reader"]["hidden"] == 150
    assert preset["reader"]["bidirectional"] is False
    training = {key: preset["training"][key] for key in ("optimizer", "lr", "batch_size", "epochs", "choose_by")}
    assert training == {"optimizer": "adam", "lr": 1e-3, "batch_size": 32, "epochs": 30, "choose_by": "exact_match"}


def test_strong_preset_has_the_published_rates() -> None:
    # Wang & Jiang train with Adamax, 2e-3; two-way pointer and bidirectional encoder are of their later version.
    preset = read_preset("match-lstm-strong")
    assert (preset["training"]["optimizer"], preset["training"]["lr"]) == ("adamax", 2e-3)
    assert preset["reader"]["bidirectional"]
    assert preset["reader"]["two_way_pointer"]
