"""The operations table against independent PyTorch modules, as the DARTS program and EnTranNAS Table 8 have them."""

from __future__ import annotations

import pytest
from torch import Tensor, nn, zeros

from genocc.errors import GenoccError
from genocc.operations import (  # fmt: skip
    OPERATIONS,
    Operation,
    describe,
    get,
    keeps_zero,
    register,
    relu_conv_bn,
)
from tests.reference import evaluate, random_image


def conv(c: int, kernel: int | tuple[int, int], stride: int | tuple[int, int], padding: int | tuple[int, int],
         dilation: int = 1, groups: int = 1) -> nn.Conv2d:  # fmt: skip
    return nn.Conv2d(c, c, kernel, stride, padding, dilation, groups, bias=False)


def separable(c: int, k: int, s: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stride in (s, 1):
        layers += [nn.ReLU(), conv(c, k, stride, k // 2, groups=c), conv(c, 1, 1, 0), nn.BatchNorm2d(c)]
    return nn.Sequential(*layers)


def dilated(c: int, k: int, s: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), conv(c, k, s, k - 1, 2, c), conv(c, 1, 1, 0), nn.BatchNorm2d(c))


def dense(c: int, k: int, s: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), conv(c, k, s, k // 2), nn.BatchNorm2d(c))


def rectangular(c: int, k: int, s: int) -> nn.Sequential:
    first, second = conv(c, (1, k), (1, s), (0, k // 2)), conv(c, (k, 1), (s, 1), (k // 2, 0))
    return nn.Sequential(nn.ReLU(), first, second, nn.BatchNorm2d(c))


class Skip(nn.Module):
    def __init__(self, c: int, s: int) -> None:
        super().__init__()
        self.halves = nn.ModuleList(nn.Conv2d(c, c // 2, 1, 2, bias=False) for _ in range(2)) if s == 2 else None
        self.bn = nn.BatchNorm2d(c) if s == 2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x[..., ::2, ::2] if self.halves else x


REFERENCE = {
    "skip_connect": Skip,
    "max_pool_3x3": lambda c, s: nn.MaxPool2d(3, s, 1),
    "avg_pool_3x3": lambda c, s: nn.AvgPool2d(3, s, 1, count_include_pad=False),
    **{f"sep_conv_{k}x{k}": lambda c, s, k=k: separable(c, k, s) for k in (3, 5, 7)},
    **{f"dil_conv_{k}x{k}": lambda c, s, k=k: dilated(c, k, s) for k in (3, 5)},
    **{f"conv_{k}x{k}": lambda c, s, k=k: dense(c, k, s) for k in (1, 3)},
    **{f"conv_1x{k}_{k}x1": lambda c, s, k=k: rectangular(c, k, s) for k in (3, 5, 7)},
}


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "none"])
def test_tensors_and_shape_equal_the_reference(name: str, stride: int) -> None:
    theirs = REFERENCE[name](6, stride)
    for size in (7, 8):
        ours = OPERATIONS[name].graph(6, stride, size)
        expected = sorted(tuple(p.shape) for p in theirs.parameters())
        assert sorted(ours.parameters().values()) == expected
        assert ours.nodes[ours.outputs["y"]].shape == tuple(theirs(zeros(2, 6, size, size)).shape[1:])


def test_the_formulas_are_those_of_the_recipes() -> None:
    """Worked out by hand: sep_conv twice (k*k*C + C*C + 2C), dil_conv once, factorized reduce C*C + 2C."""
    formulas = {name: describe(op)["parameters"] for name, op in OPERATIONS.items()}
    assert formulas["sep_conv_3x3"] == "2C² + 22C"
    assert formulas["dil_conv_5x5"] == "C² + 27C"
    assert formulas["conv_1x7_7x1"] == "14C² + 2C"
    assert formulas["max_pool_3x3"] == formulas["skip_connect"] == formulas["none"] == "0"
    assert describe(OPERATIONS["skip_connect"])["parameters_stride_2"] == "C² + 2C"


def test_the_kernels_are_those_of_the_recipes() -> None:
    kernels = {name: describe(op)["kernel"] for name, op in OPERATIONS.items()}
    assert kernels["dil_conv_3x3"] == "3x3 dilation 2"
    assert kernels["conv_1x3_3x1"] == "1x3, 3x1"
    assert kernels["conv_1x1"] == "1x1"
    assert kernels["skip_connect"] == "-"


def test_names_and_aliases_are_unique() -> None:
    names = [name for op in OPERATIONS.values() for name in (op.name, *op.aliases)]
    assert len(set(names)) == len(names)


def test_drawings_differ() -> None:
    """In colour each operation is its own; in black and white at least the families are."""
    assert len({op.color for op in OPERATIONS.values()}) == len(OPERATIONS)


def test_unknown_names_get_the_closest() -> None:
    with pytest.raises(GenoccError, match="did you mean 'sep_conv_3x3'"):
        get("sep_conv3x3")


def test_an_operation_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.operations.OPERATIONS", dict(OPERATIONS))
    five = register(Operation("conv_5x5", relu_conv_bn(5), "#000000", "solid"))
    assert get("conv_5x5") is five
    with pytest.raises(GenoccError, match="exists already"):
        register(five)


@pytest.mark.parametrize("name", ["a.b", "conv.0", "a b", "a\n", 'a", "b', ""])
def test_names_that_would_be_miscounted_or_cannot_be_written_are_refused(name: str) -> None:
    with pytest.raises(GenoccError, match="expected a name of letters, digits, underscores and hyphens"):
        Operation(name, relu_conv_bn(5), "#000000", "solid")


def test_none_is_zero_at_every_stride() -> None:
    for stride, size in [(1, 7), (2, 4)]:
        graph = OPERATIONS["none"].graph(4, stride, size=7)
        assert graph.nodes[graph.outputs["y"]].shape == (4, size, size)
        assert not graph.parameters()
        assert not evaluate(graph, {}, random_image(graph))["y"].any()


def test_skips_and_pools_alone_keep_zeros() -> None:
    kept = {name for name in OPERATIONS if keeps_zero(name)}
    assert kept == {"none", "skip_connect", "max_pool_3x3", "avg_pool_3x3"}
