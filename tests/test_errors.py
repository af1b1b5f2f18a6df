"""Errors for the user: the order of a message's parts, one line whatever is inside, and safe passage to a worker."""

import pickle

import pytest

from ham_mrc.errors import ConfigError, HamError, MissingExtra


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (HamError("is empty"), "is empty"),
        (HamError("is empty", file="a.json"), "a.json: is empty"),
        (HamError("is empty", place="line 3"), "line 3: is empty"),
        (HamError("is broken", file="a.json", place="line 3", remedy="mend it"), "a.json, line 3: is broken; mend it"),
        (HamError("two\nlines  and\ttabs"), "two lines and tabs"),
        (ConfigError(["no option a", "no option b"], file="r.toml"), "r.toml: no option a; no option b"),
        (
            MissingExtra("torch", "train", "training"),
            "training needs the package torch, which is not installed; run: pip install 'ham-mrc[train]'",
        ),
    ],
)
def test_message_on_one_line(error: HamError, text: str) -> None:
    assert str(error) == text
    assert error.exit_code == 2


@pytest.mark.parametrize(
    "error",
    [
        HamError("is broken", file="a.json", place="line 3", remedy="mend it"),
        ConfigError(["no option a", "no option b"], file="r.toml"),
        MissingExtra("torch", "train", "training"),
    ],
)
def test_error_survives_the_way_back_from_a_worker_process(error: HamError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
