"""Emitters of Python source, one per primitive, and how an attribute that varies is written as a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from genocc.graph import Node
from genocc.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    DropPath,
    GlobalMean,
    Linear,
    MaxPool,
    Normalize,
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
)

from .layout import Bracket, Expression, call, sequence

Sizes = Mapping[str, int]
"""Name of a class's argument (``c_in``, ``c``, ``stride``) -> its value."""

Texts = Mapping[str, Any]
"""Attribute of a primitive -> its source, or a tuple of sources; ``inputs`` are the channels that it reads."""

LayerEmitter = Callable[[Texts], Bracket]
"""Attributes of a primitive -> the call that makes its layer."""

JoinEmitter = Callable[[Sequence[str]], Expression]
"""Source of each input -> the expression that joins them."""


def _conv2d(t: Texts) -> Bracket:
    top, left, bottom, right = t["pads"]
    symmetric = (top, left) == (bottom, right)
    stride = _pair(t["stride"])
    arguments = [
        *(t["inputs"], t["channels"], _pair(t["kernel"])),
        *([stride] if stride == "stride" else options(stride=(stride, "1"))),
        *(options(padding=(_pair((top, left)), "0")) if symmetric else ()),
        *options(dilation=(t["dilation"], "1"), groups=(t["groups"], "1"), bias=(t["bias"], "True")),
    ]
    if symmetric:
        return call("nn.Conv2d", *arguments)
    return call("PaddedConv2d", f"({left}, {right}, {top}, {bottom})", *arguments)


def _batch_norm(t: Texts) -> Bracket:
    defaults = {"epsilon": "1e-05", "momentum": "0.1", "affine": "True"}
    eps, momentum, affine = ((t[name], default) for name, default in defaults.items())
    return call("nn.BatchNorm2d", t["inputs"], *options(eps=eps, momentum=momentum, affine=affine))


def _pool(function: str, t: Texts, **ignored: tuple[str, str]) -> Bracket:
    stride = t["stride"] if t["stride"] == "stride" else f"stride={t['stride']}"
    padding = options(padding=(t["padding"], "0"))
    return call(function, t["kernel"], stride, *padding, *(options(**ignored) if padding else ()))


def _zero(t: Texts) -> Bracket:
    stride = _pair(t["stride"])
    return call("Zero", t["channels"], *([stride] if stride == "stride" else options(stride=(stride, "1"))))


def _sum(values: Sequence[str]) -> Expression:
    text = " + ".join(values)
    return text if len(text) <= 60 else Bracket("torch.stack(", (sequence(values),), ").sum(0)")


LAYERS: dict[type[Primitive], LayerEmitter] = {
    Conv2d: _conv2d,
    BatchNorm: _batch_norm,
    Relu: lambda t: call("nn.ReLU"),
    MaxPool: lambda t: _pool("nn.MaxPool2d", t),
    AvgPool: lambda t: _pool("nn.AvgPool2d", t, count_include_pad=("False", "True")),
    ShiftPad: lambda t: call("nn.ZeroPad2d", "(-1, 1, -1, 1)"),
    Slice: lambda t: call("Slice", t["start"], t["stop"]),
    Zero: _zero,
    GlobalMean: lambda t: call("GlobalMean"),
    Linear: lambda t: call("nn.Linear", t["inputs"], t["features"]),
    DropPath: lambda t: call("DropPath"),
    Normalize: lambda t: call("Normalization", sequence(t["mean"]), sequence(t["std"]), t["scale"]),
    Softmax: lambda t: call("nn.Softmax", "dim=1"),
}
"""Primitive of one input -> emitter of its layer: PyTorch's, or a class of `runtime`."""

JOINS: dict[type[Primitive], JoinEmitter] = {
    Add: _sum,
    Concat: lambda values: call("torch.cat", sequence(values), "dim=1"),
}
"""Primitive of several inputs -> emitter of the expression that computes it."""


def layer(nodes: Sequence[Node], sizes: Sequence[Sizes], arguments: Sequence[str]) -> Bracket | None:
    """Returns the call that makes one layer in all instances of a class; None if its arguments cannot express that.

    Args:
        nodes: The layer in each instance; of one primitive, with attributes that may differ.
        sizes: Values of the class's arguments in each instance.
        arguments: Which of them the text may use; of several that fit, the first.
    """
    columns: dict[str, Sequence[Any]] = {"inputs": [node.input_shapes[0][0] for node in nodes]}
    for field in fields(nodes[0].primitive):
        columns[field.name] = [getattr(node.primitive, field.name) for node in nodes]
    texts = {name: _text(name, values, sizes, arguments) for name, values in columns.items()}
    if any(text is None or (isinstance(text, tuple) and None in text) for text in texts.values()):
        return None
    return LAYERS[type(nodes[0].primitive)](texts)


_CHANNELS = ("inputs", "channels", "groups", "features", "start", "stop")
"""Attributes that are counts of channels."""


def _text(name: str, values: Sequence[Any], sizes: Sequence[Sizes], arguments: Sequence[str]) -> Any:
    if isinstance(values[0], tuple):
        if len({len(value) for value in values}) > 1:
            return None
        return tuple(_text(name, column, sizes, arguments) for column in zip(*values, strict=True))
    constant = repr(values[0]) if len(set(values)) == 1 else None
    if constant == "1" or name not in (*_CHANNELS, "stride"):
        return constant
    if name == "stride":
        follows = "stride" in arguments and list(values) == [size["stride"] for size in sizes]
        return "stride" if follows else constant
    known = {argument: [size[argument] for size in sizes] for argument in arguments if argument != "stride"}
    for argument, numbers in known.items():
        if list(values) == numbers:
            return argument
    varied = any(len(set(numbers)) > 1 for numbers in known.values())
    return constant if constant and varied else _formula(list(values), known) or constant


def _formula(values: list[int], known: Mapping[str, list[int]]) -> str | None:
    for argument, numbers in known.items():
        for factor in (2, 3, 4, 6, 8, 16):
            if values == [number // factor for number in numbers]:
                return f"{argument} // {factor}"
            if values == [number * factor for number in numbers]:
                return f"{factor} * {argument}"
    return None


def options(**texts: tuple[str, str]) -> list[str]:
    """Returns keyword arguments, given as (text, default), without those that are the default."""
    return [f"{name}={text}" for name, (text, default) in texts.items() if text != default]


def _pair(texts: tuple[str, str]) -> str:
    return texts[0] if texts[0] == texts[1] else f"({', '.join(texts)})"
