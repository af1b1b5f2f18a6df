"""Where a reader runs, and in which precision."""

from __future__ import annotations

import pytest
import torch

from ham_mrc.errors import HamError
from ham_mrc.training.device import choose_device


@pytest.mark.parametrize(
    ("gpu", "bfloat16", "asked", "got"),
    [
        (False, False, ("auto", "auto"), ("cpu", "float32")),
        (False, False, ("auto", "bfloat16"), ("cpu", "bfloat16")),
        (True, True, ("auto", "auto"), ("cuda", "bfloat16")),
        (True, False, ("auto", "auto"), ("cuda", "float32")),
        (True, True, ("cuda", "float32"), ("cuda", "float32")),
        (True, True, ("cpu", "auto"), ("cpu", "float32")),
    ],
)
def test_choice(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, bfloat16: bool, asked: tuple[str, str], got: tuple[str, str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bfloat16)
    device = choose_device(*asked)
    assert (device.torch.type, device.precision) == got


def test_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(HamError) as caught:
        choose_device("cuda", "auto")
    assert str(caught.value) == "no GPU that torch can use (--device cuda); use --device auto or cpu"


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_run_in_the_precision_and_softmax_does_not(precision: str, dtype: torch.dtype) -> None:
    one = torch.ones(2, 2)
    with choose_device("cpu", precision).autocast():
        product = one @ one
        assert product.dtype == dtype
        assert one.softmax(0).dtype == torch.float32
