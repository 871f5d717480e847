"""The default generators, borrowed: a stream of its own that goes on, and theirs afterwards."""

from __future__ import annotations

import threading

import pytest
import torch

from genocc.runs.randomness import Randomness, preserved

CPU = torch.device("cpu")


def test_a_stream_is_that_of_its_seed_goes_on_and_leaves_no_trace() -> None:
    expected = torch.rand(4, generator=torch.Generator().manual_seed(7))
    before = torch.get_rng_state()
    stream, found = Randomness(7, CPU), []
    for _ in range(2):
        with stream.borrowed():
            found.append(torch.rand(2))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(torch.cat(found), expected)


def test_a_state_is_gone_on_from() -> None:
    first, second = Randomness(7, CPU), Randomness(8, CPU)
    with first.borrowed():
        torch.rand(3)
    second.state = first.state
    with first.borrowed():
        expected = torch.rand(2)
    with second.borrowed():
        assert torch.equal(torch.rand(2), expected)


def test_an_error_gives_back_too() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), Randomness(7, CPU).borrowed():
        torch.rand(-1)
    assert torch.equal(torch.get_rng_state(), before)


def test_threads_take_turns() -> None:
    before = torch.get_rng_state()
    found: dict[int, list[float]] = {}

    def work(seed: int) -> None:
        stream = Randomness(seed, CPU)
        found[seed] = []
        for _ in range(50):
            with stream.borrowed():
                found[seed] += torch.rand(2).tolist()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, numbers in found.items():
        assert numbers == torch.rand(100, generator=torch.Generator().manual_seed(seed)).tolist()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpus_generator_is_given_back() -> None:
    device = torch.device("cuda")
    before = torch.cuda.get_rng_state()
    with Randomness(7, device).borrowed():
        found = torch.rand(3, device=device)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert torch.equal(found, torch.rand(3, device=device, generator=torch.Generator(device).manual_seed(7)))


def test_whoever_only_preserves_the_generator_waits_for_who_borrows_it() -> None:
    """It would give back a state from the midst of the other's, whose numbers came again."""
    expected = torch.rand(3, generator=torch.Generator().manual_seed(7))
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with preserved():
            torch.manual_seed(1)
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=work)
    with Randomness(7, CPU).borrowed():
        found = [torch.rand(1)]
        other.start()
        assert not inside.wait(0.2)
        found.append(torch.rand(1))
        leave.set()
        found.append(torch.rand(1))
    other.join()
    assert torch.equal(torch.cat(found), expected)
