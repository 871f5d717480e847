"""The compiler: genotype and weights through lowering and passes to a target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import entry_points
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from genocc import weights as weight_files
from genocc.errors import GenoccError, TargetError
from genocc.files import write_atomically
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.passes import PASSES, Parameters, Pass, run_passes, select
from genocc.primitives import Shape
from genocc.verification import MismatchError, Verification

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
        weights: The arrays before any pass: those of the net as the genotype says it.
    """

    genotype: Genotype
    config: NetworkConfig
    graph: Graph
    parameters: Parameters
    passes: tuple[str, ...]
    trained: bool
    seed: int
    weights: Mapping[str, Any]

    @property
    def growth(self) -> float:
        """Trained parameters relative to those of the net as the genotype says it: above 1 where a pass added some."""
        logical = lower(self.genotype, self.config)
        return _size(self.graph.parameters()) / _size(logical.parameters())


class Exporter(ABC):
    """A target. Subclasses are frozen dataclasses whose fields are the target's options.

    Attributes:
        name: What ``--to`` calls it.
        suffix: Of its files.
        passes: Names of the passes that it runs unless told otherwise: those that were measured to help it.
        checks: What `write` checks each file with before it writes it, in words.
        max_bytes: The most that one of its files can hold.
        holds_weights: Whether its files hold the weights.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    passes: ClassVar[tuple[str, ...]]
    checks: ClassVar[tuple[str, ...]] = ()
    max_bytes: ClassVar[int | None] = None
    holds_weights: ClassVar[bool] = True

    @abstractmethod
    def write(self, net: CompiledNet, path: Path) -> None:
        """Writes the target's file, all or nothing."""

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        """Loads a file that `write` wrote and compares it with the net in PyTorch; raises TargetError if it cannot."""
        raise TargetError(f"target '{self.name}' has no verification; give --no-verify")

    def operators(self, net: CompiledNet) -> int:
        """Returns the number of operators in the file: those of the graph, unless the target needs more for some."""
        return len(net.graph.nodes) - 1

    def check_size(self, graph: Graph) -> None:
        """Refuses weights that one file cannot hold; raises TargetError."""
        size = 4 * (_size(graph.parameters()) + _size(graph.buffers()))
        if self.max_bytes and size > self.max_bytes:
            raise TargetError(
                f"the weights take {size / 2**30:.1f} GiB, and one file of target '{self.name}' holds "
                f"{self.max_bytes / 2**30:.1f} GiB at most; choose fewer channels or layers"
            )


@dataclass(frozen=True)
class Compilation:
    """A file that was written.

    Attributes:
        net: What is in it.
        target: What wrote it.
        size: Of the file in bytes.
        verification: How far it is from the net in PyTorch; None where that was not asked for.
    """

    net: CompiledNet
    target: Exporter
    size: int
    verification: Verification | None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        net = self.net
        weights = "trained weights" if net.trained else f"untrained weights, seed {net.seed}"
        return {
            "name": net.genotype.name,
            "hash": net.genotype.hash,
            "target": self.target.name,
            "bytes": self.size,
            "operators": self.target.operators(net),
            "parameters": _size(net.graph.parameters()),
            "growth": net.growth,
            "passes": list(net.passes),
            "weights": weights if self.target.holds_weights else "none in the file",
            "checks": list(self.target.checks),
            "verification": self.verification and self.verification.to_dict(),
        }


def compile(  # named as the command; the built-in is not needed here
    genotype: Genotype,
    config: NetworkConfig | None = None,
    *,
    to: str | Exporter,
    output: str | Path,
    weights: Mapping[str, Any] | str | Path | None = None,
    seed: int = 0,
    passes: Sequence[str] | None = None,
    optimize: int = 2,
    verify: bool = True,
    provider: str = "cpu",
    after: Callable[[Pass, Graph, Parameters], None] | None = None,
    **options: Any,
) -> Compilation:
    """Compiles a genotype to a file.

    Args:
        genotype: The cells.
        config: The network around them; the CIFAR defaults where it is not given.
        to: Name of a target (``onnx``, ``torch``, ``pt2``, ``python``), or the target itself.
        output: The file; it appears only if it is complete and, where that is asked for, verified.
        weights: Arrays by name or a safetensors file; initialised from ``seed`` where not given.
        seed: Of the initialization.
        passes: Names of passes, in order, instead of a level.
        optimize: 0: no passes. 1: the target's passes, without those that may add parameters. 2: all of them.
        verify: Whether to load the file again and compare it with the net in PyTorch.
        provider: Where the verification runs it: ``cpu`` or ``cuda``.
        after: Called after each pass.
        **options: Of the target, if ``to`` is a name.

    Raises:
        MismatchError: The file does not compute what the net does; it is not written.
        TargetError: The target, one of its options or the provider does not exist, or the net does not fit it.
        GenoccError: As `compile_net`; FileError if the file cannot be written.
    """
    target = to if isinstance(to, Exporter) else make_exporter(to, **options)
    target.check_size(lower(genotype, config))
    chosen = level(target, optimize) if passes is None else tuple(passes)
    net = compile_net(genotype, config, weights=weights, seed=seed, passes=chosen, after=after)
    size, verification = 0, None

    def write(path: Path) -> None:
        nonlocal size, verification
        target.write(net, path)
        size = path.stat().st_size
        if verify:
            verification = target.verify(net, path, provider)
            if not verification.ok:
                raise MismatchError(f"{output}", verification)

    write_atomically(output, write)
    return Compilation(net, target, size, verification)


def level(target: Exporter, optimize: int) -> tuple[str, ...]:
    """Returns the passes of an optimization level, 0 to 2; see `compile`. Raises GenoccError."""
    if optimize not in (0, 1, 2):
        raise GenoccError(f"optimization level {optimize} does not exist; expected 0, 1 or 2")
    return tuple(name for name in target.passes if optimize == 2 or (optimize == 1 and not PASSES[name].grows))


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


def make_exporter(name: str, **options: Any) -> Exporter:
    """Returns a target with options.

    Raises:
        TargetError: There is no such target, it has no such option, or the option's value is not possible.
    """
    target = exporter(name)
    known = [field.name for field in fields(target)]  # type: ignore[arg-type]
    if unknown := [option for option in options if option not in known]:
        has = f"its options are {', '.join(known)}" if known else "it has no options"
        raise TargetError(f"target '{name}' has no option {unknown[0]}; {has}".replace("_", "-"))
    return target(**options)


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
        given = weight_files.load(weights) if isinstance(weights, (str, Path)) else weights
        weight_files.check(given, graph, str(weights) if named else "weights")
        arrays = {name: array.astype("float32", copy=False) for name, array in given.items()}
    optimized, parameters = run_passes(graph, Parameters.of(arrays), select(passes, PASSES), after=after)
    return CompiledNet(genotype, config, optimized, parameters, tuple(passes), weights is not None, seed, arrays)


def _size(tensors: Mapping[str, Shape]) -> int:
    return sum(map(prod, tensors.values()))
