"""Depthwise convolutions: both passes against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from genocc.nn.depthwise import depthwise, weight_gradient


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (4, 4), (3, 9), (1, 2)])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
def test_both_passes(
    size: tuple[int, int], kernel: int, dilation: int, stride: int, capability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, *size, dtype=torch.float64, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(6, 1, kernel, kernel, dtype=torch.float64, generator=generator, requires_grad=True)
    found = depthwise(x, weight, stride, dilation)
    expected = functional.conv2d(x, weight, None, stride, dilation * (kernel // 2), dilation, 6)
    torch.testing.assert_close(found, expected)
    gradient = torch.randn(expected.shape, dtype=torch.float64, generator=generator)
    for a, b in zip(
        torch.autograd.grad(found, (x, weight), gradient),
        torch.autograd.grad(expected, (x, weight), gradient),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_weight_gradient_in_single_precision() -> None:
    x, gradient = (torch.randn(4, 16, 16, 16).contiguous(memory_format=torch.channels_last) for _ in range(2))
    arguments = ([0], [1, 1], [4, 4], [2, 2], False, [0, 0], 16, [False, True, False])
    expected = torch.ops.aten.convolution_backward(gradient, x, torch.empty(16, 1, 5, 5), *arguments)[1]
    torch.testing.assert_close(weight_gradient(x, gradient, 5, 2), expected, rtol=1e-4, atol=1e-3)
