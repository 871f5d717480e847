"""How operations are drawn: as the table says, and so that every reader can tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from genocc.exporters.drawing.graphviz import genotype_diagram
from genocc.operations import OPERATIONS, Operation, relu_conv_bn
from tests.exporters.drawing.drawn import DRAWN, Drawing, chain, contrast, linear, one


@pytest.mark.parametrize("op", DRAWN)
def test_every_operation_is_drawn_as_the_table_says(op: str) -> None:
    drawing = Drawing(genotype_diagram(one(chain(op, op))).dot())
    (box,) = (attributes for name, attributes in drawing.nodes.items() if name.endswith(f"{op}.0"))
    assert box["label"] == op
    assert contrast(box["fontcolor"]) >= 4.5
    tail, head = (arrow for *ends, arrow in drawing.arrows if any(end.endswith(f"{op}.1") for end in ends))
    operation = OPERATIONS[op]
    for arrow in (tail, head):
        assert arrow["color"] == operation.color
        assert arrow["style"] == operation.dash.replace("bold", "solid")
        assert (arrow["penwidth"] == "3.2") == (operation.dash == "bold")
    assert (tail["arrowhead"], head["arrowhead"]) == ("none", operation.arrow)


def test_operations_differ_in_colour_and_in_black_and_white() -> None:
    drawn = [OPERATIONS[name] for name in DRAWN]
    assert len({(operation.color, operation.dash) for operation in drawn}) == len(drawn)
    assert len({(operation.dash, operation.arrow) for operation in drawn}) == len(drawn)
    assert all(contrast(operation.color) >= 3 for operation in drawn)


# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009),
# severity 1.0, on linear RGB.
VISION = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("vision", VISION)
def test_colour_blind_readers_tell_operations_apart(vision: str) -> None:
    for first, second in combinations((OPERATIONS[name] for name in DRAWN), 2):
        distance = sum((a - b) ** 2 for a, b in zip(lab(first.color, vision), lab(second.color, vision), strict=True))
        assert distance**0.5 > 10, (first.name, second.name)


@pytest.fixture
def foreign_operation() -> Iterator[Operation]:
    operation = OPERATIONS["of_another_package"] = Operation("of_another_package", relu_conv_bn(1), "#ffff00", "dashed")
    yield operation
    del OPERATIONS["of_another_package"]


def test_registered_operations_are_drawn(foreign_operation: Operation) -> None:
    assert "label=of_another_package" in genotype_diagram(one(chain(foreign_operation.name))).dot()


def lab(color: str, vision: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of what a reader sees."""
    rgb = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear(color), strict=True)))) for row in VISION[vision]]
    to_xyz = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    x, y, z = (
        cube_root(sum(a * b for a, b in zip(row, rgb, strict=True)) / white)
        for row, white in zip(to_xyz, (0.95047, 1.0, 1.08883), strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def cube_root(t: float) -> float:
    return t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116
