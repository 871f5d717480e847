"""Comparison of a loaded file with the net in PyTorch, on files that are wrong in known ways."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from genocc import Genotype, NetworkConfig, lower
from genocc.errors import TargetError
from genocc.exporters.comparison import Array, LoadedFile, compare, observe, torch_file
from genocc.provenance import Provenance
from genocc.verification import Verification
from tests.reference import evaluate, random_parameters

CONFIG = NetworkConfig(channels=2, layers=2, classes=3, input_size=(8, 8))
SCALE = ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))

Change = Callable[[Array], Array]
Compared = Callable[..., Verification]


@pytest.fixture(scope="module")
def compared(darts_v2: Genotype) -> Compared:
    """Compares an independent evaluation of the graph, after a change of its outputs, with PyTorch."""
    graph = lower(darts_v2, CONFIG)
    arrays = {name: array.astype(np.float32) for name, array in random_parameters(graph).items()}

    def run(
        change: Change = lambda y: y,
        respond: Change = lambda y: y,
        batches: tuple[int, ...] = (1, 2),
        **options: object,
    ) -> Verification:
        def infer(images: Array) -> tuple[Array, Array]:
            x = images / 255 if options.get("uint8_input") else images
            if options.get("normalize"):
                mean, std = (np.array(values)[:, None, None] for values in SCALE)
                x = (x - mean) / std
            logits = evaluate(graph, arrays, x)["logits"]
            response = logits - arrays["classifier.linear.bias"]
            if options.get("softmax"):
                logits = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            return change(logits), respond(response)

        provenance = Provenance(darts_v2, CONFIG, **options)  # type: ignore[arg-type]
        return compare(provenance, graph, arrays, [LoadedFile("numpy", infer, batches)], provider="cpu")

    return run


@pytest.mark.parametrize("names", ["", "uint8_input", "normalize", "softmax", "uint8_input normalize softmax"])
def test_what_computes_the_same_is_the_same_with_any_options(names: str, compared: Compared) -> None:
    found = compared(**{name: SCALE if name == "normalize" else True for name in names.split()})
    assert found.ok
    assert found.top1_agreement == 1
    assert [comparison.batch for comparison in found.comparisons] == [1, 2]


def test_the_error_is_that_of_the_worst_output(compared: Compared) -> None:
    found = compared(lambda y: y + np.eye(*y.shape) * 0.5)
    assert found.max_abs == pytest.approx(0.5, abs=1e-4)
    assert not found.ok


def test_the_response_without_bias_counts_too(compared: Compared) -> None:
    found = compared(respond=lambda y: y * 1.01)
    assert found.max_rel == pytest.approx(0.01, rel=0.1)


def test_nan_is_no_small_error(compared: Compared) -> None:
    assert compared(lambda y: y * np.nan).max_abs == math.inf


def test_a_net_whose_own_logits_are_not_finite_cannot_be_compared(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, CONFIG)
    arrays = {name: array.astype(np.float32) for name, array in random_parameters(graph).items()}
    arrays["classifier.linear.bias"][0] = np.inf
    file = LoadedFile("numpy", lambda images: pytest.fail("there is nothing to compare with"), (1,))
    with pytest.raises(TargetError, match="the net's own logits are not finite in PyTorch"):
        compare(Provenance(darts_v2, CONFIG), graph, arrays, [file], provider="cpu")


def test_another_shape_is_an_error(compared: Compared) -> None:
    with pytest.raises(TargetError, match=r"numpy: the output has shape \(1, 2\); the genotype's net gives \(1, 3\)"):
        compared(lambda y: y[:, :2])


@pytest.mark.parametrize("batches", [(), (0,), (2, -1)])
def test_batches_start_at_one(batches: tuple[int, ...], compared: Compared) -> None:
    with pytest.raises(TargetError, match="expected at least one, and none below 1"):
        compared(batches=batches)


def test_an_observed_net_gives_its_logits_without_the_bias_too() -> None:
    classifier = nn.Linear(4, 3)
    net, x = nn.Sequential(nn.ReLU(), classifier), torch.randn(5, 4)
    outputs, response = observe(net, classifier)(x)
    torch.testing.assert_close(outputs, net(x))
    torch.testing.assert_close(response, outputs - classifier.bias)


def test_a_file_in_pytorch_takes_and_gives_arrays() -> None:
    file = torch_file("PyTorch", lambda x: (x + 1, x * 2), "cpu")
    ones = np.ones((2, 3), np.float32)
    for found, expected in zip(file.infer(ones), (ones + 1, ones * 2), strict=True):
        np.testing.assert_array_equal(found, expected)
