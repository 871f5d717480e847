"""The compiler: genotype and weights through lowering and passes to a target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar

from genocc import weights as weight_files
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.passes import PASSES, Parameters, Pass, run_passes, select

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
        trained: Whether the weights were given; otherwise they come from ``seed``.
        seed: Of the initialization.
    """

    genotype: Genotype
    config: NetworkConfig
    graph: Graph
    parameters: Parameters
    passes: tuple[str, ...]
    trained: bool
    seed: int


class Exporter(ABC):
    """A target. Subclasses are frozen dataclasses whose fields are the target's options.

    Attributes:
        name: What ``--to`` calls it.
        suffix: Of its files.
        passes: Names of the passes that it runs unless told otherwise: those that were measured to help it.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    passes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def write(self, net: CompiledNet, path: Path) -> None:
        """Writes the target's file, all or nothing."""


@cache
def exporters() -> Mapping[str, type[Exporter]]:
    """Returns all targets by name, those of other packages included."""
    return {entry.name: entry.load() for entry in sorted(entry_points(group=EXPORTERS), key=lambda entry: entry.name)}


def exporter(name: str) -> type[Exporter]:
    """Returns a target by name without importing the others; raises TargetError."""
    found = {entry.name: entry for entry in entry_points(group=EXPORTERS)}
    if name not in found:
        raise TargetError(f"unknown target '{name}'; expected one of {', '.join(sorted(found))}")
    target: type[Exporter] = found[name].load()
    return target


def compile_net(
    genotype: Genotype,
    config: NetworkConfig | None = None,
    *,
    weights: Mapping[str, Any] | str | Path | None = None,
    seed: int = 0,
    passes: Sequence[str] = (),
    after: Callable[[Pass, Graph, Parameters], None] | None = None,
) -> CompiledNet:
    """Returns the optimized inference net of a genotype; imports no PyTorch.

    Args:
        genotype: The cells.
        config: The network around them.
        weights: Arrays by name or a safetensors file; initialised from ``seed`` where not given.
        seed: Of the initialization.
        passes: Names of passes, in order.
        after: Called after each pass.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells.
        WeightsError: The weights do not fit the net.
        GenoccError: A pass is unknown.
    """
    config = config or NetworkConfig()
    graph = lower(genotype, config)
    if weights is None:
        from genocc.initialization import initialize

        arrays: Mapping[str, Any] = initialize(graph, seed)
    else:
        named = isinstance(weights, (str, Path))
        arrays = weight_files.load(weights) if isinstance(weights, (str, Path)) else weights
        weight_files.check(arrays, graph, str(weights) if named else "weights")
    optimized, parameters = run_passes(graph, Parameters.of(arrays), select(passes, PASSES), after=after)
    return CompiledNet(genotype, config, optimized, parameters, tuple(passes), weights is not None, seed)
