"""Layouts: the names that families of programs give to their tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.primitives import Shape


class Layout(ABC):
    """The names that a family of programs gives to its tensors.

    Attributes:
        name: Its name in ``--layout``.
        programs: The programs, as shown to people.
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
        """Returns the fields of NetworkConfig that the shapes imply, to suggest them when something does not fit."""
