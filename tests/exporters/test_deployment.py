"""Deployment options built into a graph."""

from __future__ import annotations

import pytest

from genocc import Genotype, NetworkConfig, lower
from genocc.compiler import compile_net
from genocc.errors import TargetError
from genocc.exporters.deployment import Deployment, check_class_names, deployed
from genocc.primitives import Input, Normalize, Softmax
from genocc.provenance import Normalization

CONFIG = NetworkConfig(channels=2, layers=2, classes=3)
NORMALIZE = ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_without_options_the_graph_is_the_same_object(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, CONFIG)
    assert deployed(graph) is graph


def test_options_are_nodes_before_and_after_the_net(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, CONFIG)
    found = deployed(graph, normalize=NORMALIZE, uint8_input=True, softmax=True)
    first, second, *_, last = found.nodes.values()
    assert first.primitive == Input(3, 32, 32, dtype="uint8")
    assert second.primitive == Normalize(*NORMALIZE, 1 / 255)
    assert isinstance(last.primitive, Softmax)
    assert found.outputs == {"probabilities": last.name}
    assert len(found.nodes) == len(graph.nodes) + 2
    assert found.parameters() == graph.parameters()


def test_pixels_alone_are_divided_by_255(darts_v2: Genotype) -> None:
    found = deployed(lower(darts_v2, CONFIG), uint8_input=True)
    assert found.nodes["normalize"].primitive == Normalize((0.0,) * 3, (1.0,) * 3, 1 / 255)
    assert found.outputs.keys() == {"logits"}


@pytest.mark.parametrize(
    ("normalize", "message"),
    [
        (((0.1,), (0.4,)), "found 1 means and 1 deviations; the images have 3 channels"),
        ((NORMALIZE[0], (0.4, 0.0, 0.6)), "deviations above 0"),
        ((NORMALIZE[0], (0.4, -0.1, 0.6)), "deviations above 0"),
        (((0.1, float("inf"), 0.3), NORMALIZE[1]), "expected numbers"),
        (((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)), r"divided by 255: 0.485, 0.456, 0.406, 0.229, 0.224, 0"),
        ((NORMALIZE[0], (58.395, 57.12, 57.375)), r"of images in 0..1, each from 0 to 1$"),
        (((-0.1, 0.2, 0.3), NORMALIZE[1]), r"of images in 0..1, each from 0 to 1$"),
    ],
)
def test_normalizations_that_do_not_fit(normalize: Normalization, message: str, darts_v2: Genotype) -> None:
    with pytest.raises(TargetError, match=message):
        deployed(lower(darts_v2, CONFIG), normalize=normalize)


def test_there_is_a_name_for_each_class_or_for_none() -> None:
    check_class_names((), CONFIG)
    check_class_names(("a", "b", "c"), CONFIG)
    with pytest.raises(TargetError, match="found 2 class names; the net has 3 classes"):
        check_class_names(("a", "b"), CONFIG)


def test_the_file_says_what_is_in_it(darts_v2: Genotype) -> None:
    options = Deployment(None, NORMALIZE, True, True, class_names=("a", "b", "c"))
    said = options.provenance(compile_net(darts_v2, CONFIG))
    assert (said.normalize, said.normalization, said.uint8_input, said.softmax) == (NORMALIZE, NORMALIZE, True, True)
    assert said.class_names == ("a", "b", "c")
