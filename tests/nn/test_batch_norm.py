"""BN across processes: each has a part of the batch, and all compute what one process with the whole batch would.

The processes are threads here, which add up over a barrier; `tests/runs/test_processes.py` has real ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, distributed

from genocc.graph import Graph, GraphBuilder
from genocc.initialization import initialize
from genocc.nn.batch_norm import SYNC_EMITTERS, SyncBatchNorm2d, mean_over_processes
from genocc.nn.graph_module import graph_module
from genocc.nn.primitives import EMITTERS, BatchNorm2d
from genocc.primitives import BatchNorm, Input

PROCESSES = 2


@pytest.fixture
def in_all_processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], Tensor]], list[Tensor]]:
    """Runs a function of the process's number in all processes, and returns what each returned."""
    barrier, parts = threading.Barrier(PROCESSES, timeout=60), dict[int, Tensor]()

    def all_gather(found: list[Tensor], values: Tensor) -> None:
        parts[threading.get_ident()] = values.clone()
        barrier.wait()
        for received, thread in zip(found, sorted(parts), strict=True):  # the same order in all
            received.copy_(parts[thread])
        if barrier.wait() == 0:  # all have read
            parts.clear()
        barrier.wait()

    def all_reduce(values: Tensor) -> None:
        found = [torch.empty_like(values) for _ in range(PROCESSES)]
        all_gather(found, values)
        values.copy_(torch.stack(found).sum(0))

    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: PROCESSES)
    monkeypatch.setattr(distributed, "all_reduce", all_reduce)
    monkeypatch.setattr(distributed, "all_gather", all_gather)

    def run(function: Callable[[int], Tensor]) -> list[Tensor]:
        with ThreadPoolExecutor(PROCESSES) as pool:
            return list(pool.map(function, range(PROCESSES)))

    return run


@pytest.mark.parametrize("affine", [True, False])
def test_two_processes_compute_what_one_does(
    affine: bool, in_all_processes: Callable[[Callable[[int], Tensor]], list[Tensor]]
) -> None:
    arguments = {"eps": 1e-3, "momentum": 0.2, "affine": affine}
    alone = BatchNorm2d(3, **arguments).double()
    if affine:
        alone.load_state_dict({name: torch.rand_like(tensor) for name, tensor in alone.state_dict().items()})
    norms = [SyncBatchNorm2d(3, **arguments).double() for _ in range(PROCESSES)]
    for norm in norms:
        norm.load_state_dict(alone.state_dict())
    batch = torch.randn(6, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    parts = [part.detach().requires_grad_() for part in batch.chunk(PROCESSES)]

    expected = alone(batch)
    gradient = torch.randn_like(expected)
    expected.backward(gradient)

    def both_passes(number: int) -> Tensor:
        output: Tensor = norms[number](parts[number])
        output.backward(gradient.chunk(PROCESSES)[number])
        return output.detach()

    torch.testing.assert_close(torch.cat(in_all_processes(both_passes)), expected)
    torch.testing.assert_close(torch.cat([part.grad for part in parts if part.grad is not None]), batch.grad)
    for name, parameter in alone.named_parameters():
        summed = torch.stack([norm.get_parameter(name).grad for norm in norms]).sum(0)
        torch.testing.assert_close(summed, parameter.grad)
    for norm in norms:
        for name, tensor in alone.named_buffers():
            torch.testing.assert_close(norm.get_buffer(name), tensor)


def test_bfloat16_is_normalized_with_statistics_in_float32(
    in_all_processes: Callable[[Callable[[int], Tensor]], list[Tensor]],
) -> None:
    norms = [SyncBatchNorm2d(2) for _ in range(PROCESSES)]
    batch = (100 + torch.randn(64, 2, 4, 4)).bfloat16()  # a mean that bfloat16 would round by as much as the deviation
    outputs = torch.cat(in_all_processes(lambda number: norms[number](batch.chunk(PROCESSES)[number])))
    assert outputs.dtype == torch.bfloat16
    mean = outputs.float().mean((0, 2, 3))
    torch.testing.assert_close(mean, torch.zeros(2), rtol=0, atol=0.01)
    torch.testing.assert_close(norms[0].running_mean, 0.1 * batch.float().mean((0, 2, 3)))


def test_means_are_exchanged_in_one_piece(
    in_all_processes: Callable[[Callable[[int], Tensor]], list[Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, usual = [], distributed.all_reduce
    monkeypatch.setattr(distributed, "all_reduce", lambda values: (sizes.append(len(values)), usual(values)))

    def means(number: int) -> Tensor:
        first, second = mean_over_processes(torch.full((2,), float(number)), torch.full((3, 4), 1.0 + number))
        assert torch.equal(first, torch.full((2,), 0.5))
        return second

    for found in in_all_processes(means):
        assert torch.equal(found, torch.full((3, 4), 1.5))
    assert sizes == [14] * PROCESSES


def test_inference_and_a_process_alone_add_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "all_reduce", lambda _: pytest.fail("there is nobody to add up with"))
    x = torch.randn(4, 3, 2, 2)
    norm, plain = SyncBatchNorm2d(3), BatchNorm2d(3)
    torch.testing.assert_close(norm(x), plain(x), rtol=0, atol=0)
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    torch.testing.assert_close(norm.eval()(x), plain.eval()(x), rtol=0, atol=0)


def test_the_table_synchronizes_batch_norm_and_nothing_else() -> None:
    assert {primitive for primitive, emit in SYNC_EMITTERS.items() if emit is not EMITTERS[primitive]} == {BatchNorm}
    graph = normalized()
    module = graph_module(graph, initialize(graph), SYNC_EMITTERS)
    norm = module.get_submodule("bn")
    assert type(norm) is SyncBatchNorm2d
    assert (norm.eps, norm.momentum) == (0.25, 0.5)


def normalized() -> Graph:
    builder = GraphBuilder()
    return builder.build(y=builder.add("bn", BatchNorm(epsilon=0.25, momentum=0.5), builder.add("x", Input(3, 2, 2))))
