"""Running loaded PyTorch files to verify them: on the device that was asked for, in full float32 precision."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genocc.errors import TargetError

from .comparison import Array, Subject, one_thread


def torch_device(provider: str) -> torch.device:
    """Returns the device of a provider, ``cpu`` or ``cuda``; raises TargetError if it cannot be had."""
    if provider not in ("cpu", "cuda"):
        raise TargetError(f"unknown provider '{provider}'; expected one of cpu, cuda")
    if provider == "cuda" and not torch.cuda.is_available():
        raise TargetError("provider cuda: PyTorch finds no CUDA device on this machine; try cpu")
    return torch.device(provider)


def subject(runtime: str, run: Callable[[Tensor], tuple[Tensor, Tensor]], provider: str) -> Subject:
    """Returns a loaded file to compare.

    Args:
        runtime: What runs it, for people.
        run: Images -> outputs, and the features that the classifier reads times its weight.
        provider: Where it runs.
    """
    device = torch_device(provider)

    def run_arrays(images: Array) -> tuple[Array, Array]:
        with torch.inference_mode(), one_thread(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs, response = run(torch.from_numpy(images).to(device))
        return outputs.cpu().numpy(), response.cpu().numpy()

    return Subject(runtime, run_arrays)
