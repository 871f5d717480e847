"""Targets: what the compiler hands to one, what a target has to say and to do, and the table of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from genocc import plugins
from genocc.errors import GenoccError, TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.network import NetworkConfig
from genocc.passes import PASSES, Parameters
from genocc.precision import Tradeoff
from genocc.primitives import Shape
from genocc.provenance import Provenance
from genocc.verification import Verification

EXPORTERS = "genocc.exporters"
"""Entry-point group in which packages register their targets."""


@dataclass(frozen=True)
class CompiledNet:
    """An inference net after the passes, and what its target should know about it.

    Attributes:
        genotype: What was compiled.
        config: The network around the cells.
        graph: The optimized inference graph.
        parameters: Its arrays (float32), by name.
        passes: Names of the passes that ran.
        trained: Whether the weights were given, and are not an initialization, as their file may say itself; otherwise
            they come from ``seed``.
        seed: Of the initialization.
        logical: The inference graph before any pass.
        weights: Its arrays, each made when it is first read.
    """

    genotype: Genotype
    config: NetworkConfig
    graph: Graph
    parameters: Parameters
    passes: tuple[str, ...]
    trained: bool
    seed: int
    logical: Graph
    weights: Mapping[str, Any]

    @property
    def operators(self) -> int:
        """Nodes of the optimized graph, without its input."""
        return len(self.graph.nodes) - 1

    @property
    def parameter_count(self) -> int:
        """Trained parameters of the optimized graph."""
        return _size(self.graph.parameters())

    @property
    def growth(self) -> float:
        """Trained parameters relative to those before any pass: above 1 where a pass added some."""
        return self.parameter_count / _size(self.logical.parameters())

    def provenance(self, **options: Any) -> Provenance:
        """Returns what a file with the net says about itself; options are fields of `Provenance`."""
        return Provenance(self.genotype, self.config, self.passes, None if self.trained else self.seed, **options)


class Exporter(ABC):
    """A target. Subclasses are frozen dataclasses whose fields are the target's options.

    Attributes:
        name: What ``--to`` calls it.
        suffix: Of its files.
        companions: Suffixes of further files, which `write` puts beside the file: all of them appear, or none.
        passes: Names of the passes that it runs unless told otherwise: those that were measured to help it.
        checks: What `write` checks each file with, in words.
        max_bytes: The most bytes of weights, in its files or to verify them.
        max_primitives: The most primitives of a net before the passes, so that it is written and verified in seconds.
        max_inputs: The most inputs of all these primitives together; a sum of many values has few primitives and many.
        holds_weights: Whether its files hold the weights.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    companions: ClassVar[tuple[str, ...]] = ()
    passes: ClassVar[tuple[str, ...]]
    checks: ClassVar[tuple[str, ...]] = ()
    max_bytes: ClassVar[int] = 2**31 - 1
    max_primitives: ClassVar[int] = 6_000
    max_inputs: ClassVar[int] = 12_000
    holds_weights: ClassVar[bool] = True

    @abstractmethod
    def write(self, net: CompiledNet, path: Path) -> int:
        """Writes the target's file, plainly: the compiler gives a temporary path and moves the file when it is whole.

        Returns:
            Number of operators in the file: those of the graph, unless the target needs more for some.
        """

    def write_measured(self, net: CompiledNet, path: Path, where: str) -> tuple[int, Tradeoff | None]:
        """Writes the file as `write` does and measures what its precision costs and gains; None in float32.

        Raises:
            DropError: It costs more accuracy than is allowed; ``where`` names the file.
        """
        return self.write(net, path), None

    @property
    def default_passes(self) -> tuple[str, ...]:
        """Names of the passes that it runs with its options unless told otherwise."""
        return self.passes

    @property
    def gated(self) -> bool:
        """Whether a file has to be measured before it may be written."""
        return False

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        """Loads a file that `write` wrote and compares it with the net in PyTorch; raises TargetError if it cannot."""
        raise TargetError(f"target '{self.name}' has no verification; give --no-verify")

    def check_size(self, net: CompiledNet) -> None:
        """Refuses a net that is too large for the target, before any array is made; raises TargetError."""
        size = 4 * max(_size(graph.parameters()) + _size(graph.buffers()) for graph in (net.logical, net.graph))
        if size > self.max_bytes:
            raise TargetError(
                f"the weights take {size / 2**30:.1f} GiB, and one file of target '{self.name}' holds "
                f"{self.max_bytes / 2**30:.1f} GiB at most; choose fewer channels or layers"
            )
        if len(net.logical.nodes) > self.max_primitives:
            raise TargetError(
                f"the net has {len(net.logical.nodes):,} primitives, and target '{self.name}' takes "
                f"{self.max_primitives:,} at most; choose fewer layers, or a genotype with fewer edges"
            )
        inputs = sum(len(node.inputs) for node in net.logical.nodes.values())
        if inputs > self.max_inputs:
            raise TargetError(
                f"the net's primitives have {inputs:,} inputs, and target '{self.name}' takes {self.max_inputs:,} at "
                "most; choose fewer layers, or a genotype with fewer edges"
            )


def level(target: Exporter, optimize: int) -> tuple[str, ...]:
    """Returns the passes of an optimization level, 0 to 2; see `compile`. Raises GenoccError."""
    if optimize not in (0, 1, 2):
        raise GenoccError(f"optimization level {optimize} does not exist; expected 0, 1 or 2")
    return tuple(name for name in target.default_passes if optimize == 2 or (optimize == 1 and not PASSES[name].grows))


@cache
def exporters() -> Mapping[str, type[Exporter]]:
    """Returns all targets by name, those of other packages included; raises GenoccError at a broken one."""
    return {name: exporter(name) for name in plugins.names(EXPORTERS)}


def exporter(name: str) -> type[Exporter]:
    """Returns a target by name without importing the others.

    Raises:
        TargetError: There is none of that name, or it is no class of `Exporter`.
        GenoccError: Its package is broken.
    """
    if name not in (known := plugins.names(EXPORTERS)):
        raise TargetError(f"unknown target '{name}'; expected one of {', '.join(known)}")
    target = plugins.load(EXPORTERS, name, type)
    if not issubclass(target, Exporter):
        raise TargetError(f"target '{name}': {target.__module__}.{target.__qualname__} is not a class of Exporter")
    found: type[Exporter] = target
    return found


def _size(tensors: Mapping[str, Shape]) -> int:
    return sum(map(prod, tensors.values()))
