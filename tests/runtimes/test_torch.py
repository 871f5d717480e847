"""PyTorch as a runtime: the device that was asked for or an error, and the threads that it gives back."""

from __future__ import annotations

import pytest
import torch

from genocc.errors import TargetError
from genocc.runtimes.torch import one_thread, torch_device


def test_a_provider_is_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_device("cpu") == torch.device("cpu")
    assert torch_device("cuda") == torch.device("cuda")


def test_a_provider_that_this_machine_lacks_is_no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TargetError, match=r"^provider cuda: PyTorch finds no CUDA device on this machine; try cpu$"):
        torch_device("cuda")


@pytest.mark.parametrize("provider", ["tpu", "", "cuda:0"])
def test_unknown_providers_are_refused(provider: str) -> None:
    with pytest.raises(TargetError, match=f"^unknown provider '{provider}'; expected one of cpu, cuda$"):
        torch_device(provider)


def test_threads_are_given_back_after_an_error_too() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
        with pytest.raises(ValueError, match="inside"), one_thread():
            raise ValueError("inside")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
