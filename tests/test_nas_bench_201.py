"""The skeleton of NAS-Bench-201: the benchmark's own figures, and an independent transcription of its network."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Cell, Genotype, NetworkConfig, count, lower
from genocc.compiler import compile
from genocc.counting import Counts
from genocc.errors import NetworkError
from genocc.exporters.python.exporter import source
from genocc.formats import read
from genocc.nn.target_net import TargetNet
from genocc.passes import PASSES, Parameters, run_passes, select
from genocc.targets import exporters
from tests.reference import evaluate, random_image, random_parameters, relative_error
from tests.reference_nas_bench_201 import TinyNetwork
from tests.strategies import cells

CONFIG = NetworkConfig.make(skeleton="nas-bench-201")
SMALL = NetworkConfig.make(skeleton="nas-bench-201", channels=4, layers=5, input_size=(8, 8), classes=3)

DENSEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
EMPTIEST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
PUBLISHED = {
    # D-X-Y/NATS-Bench issue 24, and NASLib's tests of its NAS-Bench-201 graph: number 0
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|": (
        "15.64737", "0.129306",
    ),
    # D-X-Y/NATS-Bench issue 18: number 1
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|": (
        "113.95", "0.802",
    ),
    # D-X-Y/NATS-Bench issue 36
    "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
        "113.95137", "0.802426",
    ),
    # the benchmark's printout for number 9930, as users of it keep it: the best on CIFAR-100
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
        "184.73", "1.289",
    ),
    # least and most over all 15,625, as EvoXBench and HPOBench's users print them: the cells without and of 3x3 alone
    EMPTIEST: ("7.78305", "0.073306"),
    DENSEST: ("220.11969", "1.531546"),
}  # fmt: skip
"""FLOPs and parameters of the benchmark on CIFAR-10, in millions, by architecture; where they are published."""

QUERIED = {
    # the benchmark's numbers 13197, 3358, 11898, 11570, 8712, 559, 1676, 5750, 2514 and 7153, drawn at random and
    # queried by DSW-DWA/kd_vs_hpo: hpo/sampled_architecture_costs.csv and hpo/sampled_architectures_10.jsonl
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|": (
        "47.10465", "0.344346",
    ),
    "|nor_conv_1x1~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|nor_conv_1x1~0|skip_connect~1|avg_pool_3x3~2|": (
        "19.57953", "0.157306",
    ),
    "|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_3x3~2|": (
        "51.03681", "0.372346",
    ),
    "|nor_conv_1x1~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|": ("47.10465", "0.344346"),
    "|skip_connect~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|": (
        "11.71521", "0.101306",
    ),
    "|avg_pool_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|": (
        "47.10465", "0.344346",
    ),
    "|none~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|nor_conv_3x3~1|avg_pool_3x3~2|": (
        "43.17249", "0.316346",
    ),
    "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_3x3~1|avg_pool_3x3~2|": (
        "86.42625", "0.615386",
    ),
    "|nor_conv_1x1~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
        "82.49409", "0.587386",
    ),
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|": (
        "47.10465", "0.344346",
    ),
}  # fmt: skip
"""The same of ten more."""

OTHERS = [
    "|none~0|+|skip_connect~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|",
    "|none~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|",
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",
    "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|",
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|none~2|",
]
"""Cells with dead nodes, with nodes of zeros that operations read, and without any parameters."""


def genotype(architecture: str) -> Genotype:
    return read(architecture, "nas-bench-201").genotype


@pytest.mark.parametrize("architecture", [*PUBLISHED, *QUERIED])
def test_the_figures_are_the_benchmarks(architecture: str) -> None:
    """Its FLOPs are our MACs and the additions of the classifier's bias, one per class; pools and BN do not count."""
    flops, parameters = (PUBLISHED | QUERIED)[architecture]
    total = count(genotype(architecture), CONFIG).total
    assert in_millions(total.macs + 10, flops) == flops
    assert in_millions(total.parameters, parameters) == parameters


def in_millions(number: int, like: str) -> str:
    return f"{number / 1e6:.{len(like.partition('.')[2])}f}"


@pytest.mark.parametrize(("size", "classes", "flops"), [(32, 100, "15.65322"), (16, 120, "3.91948")])
def test_its_other_data_sets_count_alike(size: int, classes: int, flops: str) -> None:
    """D-X-Y/NATS-Bench issue 24: number 0 on CIFAR-100 and ImageNet16-120."""
    config = NetworkConfig.make(skeleton="nas-bench-201", input_size=(size, size), classes=classes)
    assert f"{(count(genotype(next(iter(PUBLISHED))), config).total.macs + classes) / 1e6:.5f}" == flops


@pytest.mark.parametrize("architecture", [*PUBLISHED, *OTHERS])
def test_counts_are_those_of_the_transcription(architecture: str) -> None:
    total = count(genotype(architecture), CONFIG).total
    reference = TinyNetwork(architecture)
    assert total.parameters == sum(parameter.numel() for parameter in reference.parameters())
    assert total.macs == reference.macs()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("architecture", [*PUBLISHED, *OTHERS])
def test_the_net_is_the_transcription(architecture: str, training: bool) -> None:
    """The same tensors, in the order in which both make them, give the same logits in float64."""
    torch.manual_seed(0)
    reference = TinyNetwork(architecture, c=4, n=1, classes=3).double()
    for buffer in reference.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    for parameter in reference.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    net = TargetNet(genotype(architecture), SMALL).double()
    own = [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]
    theirs = [tensor for name, tensor in reference.state_dict().items() if not name.endswith("num_batches_tracked")]
    tensors = dict(zip(sorted_as_made(own), theirs, strict=True))
    net.load_state_dict({**net.state_dict(), **tensors})
    images = torch.randn(3, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net.train(training)(images), reference.train(training)(images), rtol=1e-9, atol=1e-9)


def sorted_as_made(names: list[str]) -> list[str]:
    """Stem, cells by number, head, classifier; the rest as it is. A state_dict has modules in the order of edges."""
    rank = {"stem": 0, "cells": 1, "head": 2, "classifier": 3}

    def key(name: str) -> tuple[int, int, int]:
        first, second, *_ = name.split(".")
        return rank[first], int(second) if first == "cells" else 0, BLOCK.get(name.split(".")[2], 0)

    return sorted(names, key=key)


BLOCK = {"conv1": 1, "bn1": 2, "conv2": 3, "bn2": 4, "shortcut": 5}


@pytest.mark.parametrize("target", ["onnx", "python"])
@pytest.mark.parametrize(
    "architecture", [next(iter(PUBLISHED)), EMPTIEST, OTHERS[1]], ids=["number 0", "empty", "zeros"]
)
def test_it_is_compiled(architecture: str, target: str, tmp_path: Path) -> None:
    suffix = {"onnx": ".onnx", "python": ".py"}[target]
    found = compile(genotype(architecture), SMALL, to=target, output=tmp_path / f"net{suffix}")
    assert found.verification
    assert found.verification.ok


@settings(max_examples=12)
@given(cell=cells(inputs=st.just(1), max_nodes=4, max_edges=3, zeros=True))
def test_all_passes_keep_what_is_computed(cell: Cell) -> None:
    """Of cells with any operations, in float64; the source that is written of them is valid Python too."""
    output = cell.model_copy(update={"concat": (cell.states - 1,)})
    found = Genotype(name="any", cells={"normal": output})
    graph = lower(found, SMALL)
    arrays, image = random_parameters(graph, seed=1), random_image(graph, seed=2)
    expected = evaluate(graph, arrays, image)
    for passes in (list(PASSES.values()), *(select(target.passes, PASSES) for target in exporters().values())):
        result, parameters = run_passes(graph, Parameters.of(arrays), passes)
        assert relative_error(evaluate(result, parameters, image), expected) < 1e-10
    ast.parse(source(found, SMALL))


def test_what_has_no_place(darts_v2: Genotype) -> None:
    cell = genotype(DENSEST).cells["normal"]
    with pytest.raises(NetworkError, match="needs one input per cell; cell 'normal' has 2; choose skeleton cifar or"):
        lower(darts_v2, CONFIG)
    with pytest.raises(NetworkError, match=r"needs two inputs per cell; .* has 1; choose skeleton nas-bench-201"):
        lower(genotype(DENSEST), NetworkConfig())
    two = Genotype(name="two", cells={"normal": cell.model_copy(update={"concat": (2, 3)})})
    with pytest.raises(NetworkError, match="its cells' output is one state; the concat of cell 'normal' has 2"):
        lower(two, CONFIG)
    with pytest.raises(NetworkError, match="maps of even height and width, found 9x12; choose an input size that 4"):
        lower(genotype(DENSEST), CONFIG.model_copy(update={"input_size": (18, 24)}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layers": 2}, r"layers 2: .* expected 3N \+ 2 layers: 5, 8"),
        ({"layers": 16}, r"layers 16: .* expected 3N \+ 2 layers"),
        ({"auxiliary": True}, "skeleton 'nas-bench-201' has no auxiliary head"),
        ({"stem_stride": 2}, "stem_stride 2 does not exist in skeleton 'nas-bench-201'; expected 1"),
    ],
)
def test_what_is_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        NetworkConfig.make(skeleton="nas-bench-201", **fields)


def test_itemised_figures_add_up() -> None:
    found: Counts = count(genotype(OTHERS[4]), SMALL)
    assert found.auxiliary_parameters is None
    assert sum(cost.macs for cost in found.by_cell.values()) == found.total.macs
    assert list(found.by_cell) == ["stem", *(f"cells.{number}" for number in range(5)), "head"]
    assert [edge.op for edge in found.by_edge] == ["avg_pool_3x3", "avg_pool_3x3", "conv_3x3", "conv_1x1"]
    stages = np.array([edge.cost.macs for edge in found.by_edge])
    assert stages.tolist() == [0, 0, 3 * 16 * 9 * 64, 3 * 16 * 64]
