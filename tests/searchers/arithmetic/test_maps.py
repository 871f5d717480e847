"""Maps: layouts, moments and weighted sums, against the plain formula and its derivative."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from genocc.runs.processes import Processes
from genocc.searchers.arithmetic.maps import (
    LANES,
    MapShare,
    fold,
    from_planes,
    moments,
    pixels,
    planes,
    refold,
    unfold,
    weighted_sum,
)


def batch(images: int, channels: int, height: int = 5, width: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(images, channels, height, width, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("images", [2, 6, 8, 12, 32])  # F of a share is that of the batch, or less
def test_processes_draw_for_an_image_what_one_process_does(images: int) -> None:
    def draw(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(0))

    x = batch(images, 8)
    whole = unfold(draw(tuple(fold(x, 8).shape)))
    parts = []
    for rank in range(2):
        processes = Processes(rank, 2)
        map = fold(x[processes.share(images)], 8)
        drawn = MapShare(processes, 8).drawn(draw, map)
        assert drawn.shape == map.shape
        parts.append(unfold(drawn))
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("images", [1, 6, 7, 16])
@pytest.mark.parametrize("channels", [4, 16, LANES, 2 * LANES])
def test_layouts_hold_the_same_numbers(images: int, channels: int) -> None:
    x = batch(images, channels)
    map = fold(x, channels)
    assert map.is_contiguous()
    assert torch.equal(unfold(map), x)
    assert torch.equal(refold(x, map.shape[3]), map)
    assert planes(map).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(from_planes(planes(map), map), map)
    assert pixels(map).shape == (images * 15, channels)
    assert map.shape[3] * channels <= max(LANES, channels)


def test_narrow_maps_are_folded() -> None:
    assert fold(batch(16, 4), 4).shape == (1, 5, 3, 16, 4)
    assert fold(batch(6, 16), 16).shape == (3, 5, 3, 2, 16), "as far as the batch divides"


@pytest.mark.parametrize("full", [True, False])
def test_moments(full: bool) -> None:
    x = batch(4, 3).permute(0, 2, 3, 1).unsqueeze(3).contiguous().requires_grad_()
    same, mean, second = moments(x, full=full)
    z = x.detach().view(-1, 3)
    assert torch.equal(same, x)
    torch.testing.assert_close(mean, z.mean(0))
    torch.testing.assert_close(second, z.T @ z / len(z) if full else z.pow(2).mean(0))
    assert gradcheck(lambda x: moments(x, full=full), (x,))


def test_weighted_sum() -> None:
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator, requires_grad=True)

    maps = [random(2, 3, 2, 1, 4), random(2, 3, 2, 1, 3), random(2, 3, 2, 1, 3)]
    matrices = [random(4, 3), random(3), random(3, 3)]
    bias = random(3)
    expected = maps[0] @ matrices[0] + maps[1] * matrices[1] + maps[2] @ matrices[2] + bias
    torch.testing.assert_close(weighted_sum(maps, matrices, bias), expected)
    assert gradcheck(lambda b, *terms: weighted_sum(list(terms[:3]), list(terms[3:]), b), (bias, *maps, *matrices))


def test_weighted_sum_takes_gradients_that_are_parts_of_larger_ones() -> None:
    x, matrix = torch.randn(2, 3, 2, 1, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    whole = torch.cat([weighted_sum([x], [matrix], torch.zeros(5)), torch.zeros(2, 3, 2, 1, 3)], -1)
    weights = torch.randn_like(whole)
    found = torch.autograd.grad((whole * weights).sum(), (x, matrix))
    expected = torch.autograd.grad(((x @ matrix) * weights[..., :5]).sum(), (x, matrix))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_what_needs_no_gradient_gets_none() -> None:
    x, matrix = torch.randn(2, 3, 2, 1, 4), torch.randn(4, 4, requires_grad=True)
    weighted_sum([x], [matrix], torch.zeros(4)).sum().backward()
    assert x.grad is None
    assert matrix.grad is not None


def test_moments_are_precise_for_low_precision_maps() -> None:
    x = 3 + torch.randn(64, 8, 8, 1, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    _, mean, second = moments(x, full=True)
    assert mean.dtype == second.dtype == torch.float32
    z = x.double().view(-1, 4)
    torch.testing.assert_close(second.double(), z.T @ z / len(z), rtol=1e-4, atol=0)  # bfloat16 errs by 4e-3
