"""Deployment options: operations on images before the net and on logits after it, inside the file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

from genocc import arguments
from genocc.errors import TargetError, quoted
from genocc.graph import Graph, GraphBuilder
from genocc.network import NetworkConfig
from genocc.primitives import Input, Normalize, Softmax
from genocc.provenance import Normalization, Provenance
from genocc.targets import CompiledNet


@dataclass(frozen=True)
class Trained:
    """What a file's metadata say of the training of its net, for exporters to inherit.

    Attributes:
        normalization: Mean and deviation by which images were normalized.
        class_names: Of the classes in order.
    """

    normalization: Normalization | None = None
    class_names: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", arguments.texts(self.class_names, "--class-names"))
        object.__setattr__(self, "normalization", _numbers(self.normalization, "normalization"))


@dataclass(frozen=True)
class Deployment(Trained):
    """The options, for exporters to inherit.

    Attributes:
        normalize: Mean and deviation of each channel, to be applied inside the file to images in 0..1.
        uint8_input: Whether the file takes uint8 images and divides them by 255 first.
        softmax: Whether the file returns ``probabilities`` instead of ``logits``.
    """

    normalize: Normalization | None = None
    uint8_input: bool = False
    softmax: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "normalize", _numbers(self.normalize, "normalize"))

    def deployed(self, net: CompiledNet) -> Graph:
        """Returns the net's graph with the options built in.

        Raises:
            TargetError: An option does not fit the net.
        """
        check_class_names(self.class_names, net.config)
        return deployed(net.graph, normalize=self.normalize, uint8_input=self.uint8_input, softmax=self.softmax)

    def provenance(self, net: CompiledNet) -> Provenance:
        """Returns what the file says about itself."""
        return net.provenance(
            class_names=self.class_names,
            normalization=self.normalization,
            normalize=self.normalize,
            uint8_input=self.uint8_input,
            softmax=self.softmax,
        )


def deployed(
    graph: Graph, *, normalize: Normalization | None = None, uint8_input: bool = False, softmax: bool = False
) -> Graph:
    """Returns an inference graph with options built in; see `Deployment`.

    Raises:
        TargetError: Mean and deviation do not fit the channels, are not those of images in 0..1, or a deviation is not
            positive.
    """
    if not (normalize or uint8_input or softmax):
        return graph
    image = graph.input
    channels = image.shape[0]
    mean, std = normalize or ((0.0,) * channels, (1.0,) * channels)
    _check_normalization(mean, std, channels)
    builder = GraphBuilder()
    values: dict[str, str] = {}
    for node in graph.nodes.values():
        primitive = node.primitive
        if isinstance(primitive, Input) and uint8_input:
            primitive = replace(primitive, dtype="uint8")
        value = builder.add(node.name, primitive, *(values[name] for name in node.inputs))
        if node is image and (normalize or uint8_input):
            value = builder.add("normalize", Normalize(mean, std, 1 / 255 if uint8_input else 1.0), value)
        values[node.name] = value
    logits = values[graph.outputs["logits"]]
    if softmax:
        return builder.build(probabilities=builder.add("softmax", Softmax(), logits))
    return builder.build(logits=logits)


def check_class_names(names: tuple[str, ...], config: NetworkConfig) -> None:
    """Checks that there is a name for each class, if there are any; raises TargetError."""
    if names and len(names) != config.classes:
        raise TargetError(f"found {len(names)} class names; the net has {config.classes} classes")


def _numbers(found: Normalization | None, name: str) -> Normalization | None:
    """Mean and deviation as tuples of numbers; raises TargetError."""
    if found is None:
        return None
    try:
        mean, std = (tuple(float(value) for value in values) for values in found)
    except (TypeError, ValueError):
        raise TargetError(
            f"{name}: found {quoted(found)}; expected the mean and the deviation of each channel"
        ) from None
    return mean, std


def _check_normalization(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    if not len(mean) == len(std) == channels:
        raise TargetError(
            f"normalize: found {len(mean)} means and {len(std)} deviations; the images have {channels} channels"
        )
    if not all(map(isfinite, (*mean, *std))) or min(std) <= 0:
        raise TargetError(f"normalize: found mean {mean} and deviation {std}; expected numbers, deviations above 0")
    if not 0 <= min(mean) <= max(mean) <= 1 or max(std) > 1:
        pixels = max(mean) > 1 and ", ".join(f"{value / 255:.4g}" for value in (*mean, *std))
        raise TargetError(
            f"normalize: found mean {mean} and deviation {std}; expected those of images in 0..1, each from 0 to 1"
            + (f" (of pixels of 0..255 they are divided by 255: {pixels})" if pixels else "")
        )
