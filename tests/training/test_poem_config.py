"""Settings of poem systems: presets, defaults by signature, and every fault at once."""

from __future__ import annotations

import tomllib
from typing import Any, Literal

import pytest

from ham_mrc.config import merge, preset_names, read_preset
from ham_mrc.errors import ConfigError
from ham_mrc.training.poem_config import LEAST, OF_READERS, PRESETS, build_poem_config
from ham_mrc.training.poem_systems import settings_of_systems


class Writer:
    """Has a setting of each type."""

    def __init__(
        self,
        characters: object,
        *,
        embedding: int = 8,
        init: float = 0.0,
        attention: Literal["dot", "ham"] = "ham",
    ) -> None:
        pass


def build(**sections: dict[str, Any]) -> Any:
    return build_poem_config(merge({"system": {"name": "writer"}}, sections), {"writer": Writer, "smt": Writer})


def test_defaults_are_those_of_the_class_and_of_poems() -> None:
    config = build(run={"preset": "some"})
    assert (config.system, config.preset) == ("writer", "some")
    assert config.settings == {"embedding": 8, "init": 0.0, "attention": "ham"}
    assert (config.training.batch_size, config.training.optimizer, config.training.seed) == (128, "adam", 13)


def test_nothing_is_lost_on_the_way_through_a_file() -> None:
    config = build(system={"attention": "dot", "init": 1}, training={"lr": 0.5, "optimizer": "sgd"})
    sections = tomllib.loads(config.to_toml(run={"kind": "poem"}, data={"folder": "x"}))
    assert sections["run"] == {"kind": "poem", "preset": ""}
    assert sections["data"] == {"folder": "x"}
    assert not set(OF_READERS) & set(sections["training"])
    assert build(**sections) == config


def test_what_no_loop_trains_has_nothing_but_a_seed() -> None:
    config = build(system={"name": "smt"}, training={"seed": 5})
    assert tomllib.loads(config.to_toml(run={}, data={}))["training"] == {"seed": 5}
    with pytest.raises(ConfigError) as caught:
        build(system={"name": "smt"}, training={"epochs": 5, "sed": 1})
    assert caught.value.faults == (
        '[training]: "epochs" means nothing to smt',
        '[training]: no option "sed"; did you mean "seed"?',
    )


@pytest.mark.parametrize(
    ("section", "values", "fault"),
    [
        ("system", {"name": "write"}, "[system]: no system 'write'; did you mean \"writer\"?; there are writer, smt"),
        ("system", {"embeding": 8}, '[system]: no option "embeding"; did you mean "embedding"?'),
        ("system", {"attention": "hard"}, "[system] attention = 'hard': not one of dot, ham"),
        ("system", {"embedding": 0}, "[system] embedding = 0: must be 1 or more"),
        ("system", {"init": -0.1}, "[system] init = -0.1: must be 0 or more"),
        ("training", {"batch_size": 0}, "[training] batch_size = 0: must be 1 or more"),
        ("training", {"optimizer": "sg"}, "[training] optimizer = 'sg': not one of adam, adamax, adadelta, sgd"),
        (
            "training",
            {"optimizer": "sgd", "eps": 1e-6},
            "[training] eps = 1e-06: sgd divides by nothing and has none",
        ),
        ("training", {"choose_by": "f1"}, '[training]: "choose_by" means nothing to writer'),
        ("reader", {"hidden": 8}, "no section [reader]"),
    ],
)
def test_faults(section: str, values: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**{section: values})
    assert caught.value.faults == (fault,)


def test_all_faults_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build(system={"embedding": 0, "x": 1}, training={"lr": "high"}, dta={})
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize("name", preset_names(PRESETS))
def test_every_preset_is_of_a_system_and_names_it(name: str) -> None:
    config = build_poem_config(read_preset(name, PRESETS), settings_of_systems())
    assert name.startswith(f"{config.system}-")


def test_every_system_has_a_small_preset() -> None:
    assert {f"{name}-small" for name in settings_of_systems()} <= set(preset_names(PRESETS))


def test_every_least_value_is_of_a_setting_that_there_is() -> None:
    from ham_mrc.config import reader_options

    known = {key for system in settings_of_systems().values() for key in reader_options(system)[0]}
    assert set(LEAST) <= known


def test_original_presets_keep_to_their_papers() -> None:
    """Wang et al. 2016, section 4.1; Zhang & Lapata 2014, section 3, and the settings of their program."""
    paper = read_preset("ppg-paper", PRESETS)
    assert (paper["system"]["embedding"], paper["system"]["hidden"], paper["system"]["init"]) == (512, 512, 0.08)
    assert (paper["training"]["optimizer"], paper["training"]["batch_size"]) == ("adadelta", 128)
    original = read_preset("rnnpg-original", PRESETS)
    assert (original["system"]["width"], original["system"]["classes"]) == (200, 82)
    assert (original["training"]["optimizer"], original["training"]["lr"]) == ("sgd", 0.00625)
    assert (original["training"]["batch_size"], original["training"]["weight_decay"]) == (1, 1e-7)
