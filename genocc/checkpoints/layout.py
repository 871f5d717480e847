"""What a layout is, the names that a family of programs gives to its tensors; and the import by means of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from genocc.checkpoints.reading import read_tensors
from genocc.errors import WeightsError
from genocc.genotype import Genotype
from genocc.graph import Shape
from genocc.lowering import lower
from genocc.network import NetworkConfig

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray
    from torch import Tensor


class Layout(ABC):
    """The names that a family of programs gives to its tensors.

    Attributes:
        name: What ``--layout`` calls it.
        programs: Which programs they are, for people.
    """

    name: ClassVar[str]
    programs: ClassVar[str]

    @abstractmethod
    def names(self, genotype: Genotype, config: NetworkConfig) -> dict[str, str]:
        """Returns our name -> the programs' name of every tensor of the training net."""

    @abstractmethod
    def is_ignored(self, name: str) -> bool:
        """Whether a tensor has no meaning for the net."""

    @abstractmethod
    def is_auxiliary(self, name: str) -> bool:
        """Whether a tensor is the auxiliary head's."""

    @abstractmethod
    def has_auxiliary_bn(self, names: Collection[str]) -> bool:
        """Whether the auxiliary head has its BN after the 2x2 convolution."""

    @abstractmethod
    def options(self, shapes: Mapping[str, Shape]) -> dict[str, Any]:
        """Returns the fields of NetworkConfig that the tensors tell, to be named when something does not fit."""


@dataclass(frozen=True)
class ImportedWeights:
    """A checkpoint's weights under our names.

    Attributes:
        arrays: Name -> float32 array.
        config: The network that they belong to: the one asked for, with the auxiliary head that was found.
        notes: What was decided on the way, for people.
    """

    arrays: dict[str, NDArray[float32]]
    config: NetworkConfig
    notes: tuple[str, ...]


def import_weights(
    path: str | Path, genotype: Genotype, config: NetworkConfig, layout: Layout, *, drop_auxiliary: bool = False
) -> ImportedWeights:
    """Returns the weights of a checkpoint of another program.

    Args:
        path: The checkpoint; it is read as data, and no code in it is run.
        genotype: The cells that it was trained with, their edges in the order of the program's text.
        config: The network around them. Whether there is BN in the auxiliary head is taken from the file.
        layout: The program's names.
        drop_auxiliary: Whether to leave an auxiliary head out.

    Raises:
        FileError: The file cannot be read.
        NetworkError: The skeleton has no place for the genotype's cells or the auxiliary head.
        WeightsError: A tensor is missing, surplus, of another shape or not of real numbers; the message names it.
    """
    tensors = {name: tensor for name, tensor in read_tensors(path).items() if not layout.is_ignored(name)}
    auxiliary = any(map(layout.is_auxiliary, tensors))
    if config.auxiliary and not auxiliary:
        raise WeightsError(f"{path}: has no auxiliary head; leave --auxiliary out")
    notes = ["no auxiliary head"]
    if auxiliary and drop_auxiliary:
        tensors = {name: tensor for name, tensor in tensors.items() if not layout.is_auxiliary(name)}
        config = config.model_copy(update={"auxiliary": False})
        notes = ["auxiliary head dropped"]
    elif auxiliary:
        norm = layout.has_auxiliary_bn(tensors)
        config = config.model_copy(update={"auxiliary": True, "auxiliary_bn": norm})
        notes = [f"auxiliary head found, {'with' if norm else 'without'} BN after its 2x2 convolution"]
    names = layout.names(genotype, config)
    graph = lower(genotype, config, training=True)
    expected = {names[ours]: shape for ours, shape in {**graph.parameters(), **graph.buffers()}.items()}
    _check(tensors, expected, f"{path}", _hint(layout, tensors, config))
    arrays = {ours: tensors[theirs].detach().float().contiguous().numpy() for ours, theirs in names.items()}
    return ImportedWeights(arrays, config, tuple(notes))


def _check(tensors: Mapping[str, Tensor], expected: Mapping[str, Shape], where: str, hint: str) -> None:
    for name, shape in expected.items():
        if name not in tensors:
            raise WeightsError(f"{where}: tensor '{name}' {shape} is missing; {hint}")
        if (found := tuple(tensors[name].shape)) != shape:
            raise WeightsError(f"{where}: tensor '{name}' has shape {found}; expected {shape}; {hint}")
        if not tensors[name].is_floating_point():
            raise WeightsError(f"{where}: tensor '{name}' is of {tensors[name].dtype}; expected floating-point numbers")
    if surplus := [name for name in tensors if name not in expected]:
        more = f" (and {len(surplus) - 1} more)" if len(surplus) > 1 else ""
        raise WeightsError(f"{where}: tensor '{surplus[0]}'{more} has no place in this net; {hint}")


def _hint(layout: Layout, tensors: Mapping[str, Tensor], config: NetworkConfig) -> str:
    told = layout.options({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    differ = {field: value for field, value in told.items() if value != getattr(config, field)}
    if not differ:
        return "is it the right genotype, with its edges in the order of the program's text?"
    options = " ".join(f"--{field.replace('_', '-')} {value}" for field, value in differ.items())
    return f"the checkpoint's tensors ask for {options}"
