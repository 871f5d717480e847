"""Relaxation: from architecture parameters to the coefficients of a node's formula, as a chain of small functions.

For one kind of cell with E edges and K operations:

1. scores = (alpha + attention) / temperature        alpha: (E, K)   eDARTS III-A; EnTranNAS Eq. 5
2. p = softmax of the scores over an edge's operations               DARTS; EnTranNAS Eq. 2
   or, `cen`, over a node's edges for each operation                 EC-DARTS Eq. 4
3. edge weights = softmax of edge_alpha over a node's edges   (E,)   PC-DARTS Eq. 2
4. `dst`: p-hat, q, q-hat with a learned threshold per node (n,)     EnTranNAS Eqs. 7-9
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Generator, Tensor, nn
from torch.nn import functional

from genocc.configuration import Rate, refuse
from genocc.errors import GenoccError
from genocc.network import SKELETONS
from genocc.operations import get

from ..interface import CellSpace, Coefficients
from ..registry import Composition, OpenPart

ANNEALED_EPOCHS = 50
"""Epochs of the papers' searches; a temperature's ratio is per epoch of these."""


class Relaxation(OpenPart):
    """From architecture parameters to the coefficient of each edge and (edge, operation)."""

    kind: ClassVar[str] = "relaxation"
    group: ClassVar[str] = "genocc.relaxations"
    usual: ClassVar[str] = "softmax"

    @property
    def cuts(self) -> bool:
        """Whether coefficients may be cut for good, so that a derivation can ask which are not."""
        return False

    @property
    def initial_noise(self) -> float | None:
        """Standard deviation of the noise that the parameters start with, ``alpha_noise`` where there is that setting.

        None where they start otherwise.
        """
        return getattr(self, "alpha_noise", None)

    @abstractmethod
    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> ArchitectureParameters:
        """Returns the architecture parameters of all kinds of cells, as they are before the search."""


class ArchitectureParameters(nn.Module, ABC):
    """The architecture parameters of all kinds of cells, and the coefficients that they amount to.

    `coefficients` is never random: derivation, logging, penalties and accuracies use it. `draw` is what the mixed
    cells of a step use; a relaxation without randomness need not have it.

    Attributes:
        random: Whether `draw` differs from `coefficients`.
    """

    random: ClassVar[bool] = False

    @abstractmethod
    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        """Returns the coefficients of each kind, with gradient history: of a random relaxation, their mean.

        Args:
            progress: Epochs done over epochs planned.
        """

    def draw(self, progress: float, generator: Generator) -> dict[str, Coefficients]:
        """Returns the coefficients that one step uses, with gradient history; ``importance`` is as in `coefficients`.

        The same generator gives the same numbers: a step may ask several times, each time with a new generator of the
        same seed. Numbers are drawn on the CPU and moved to the parameters' device.

        Args:
            progress: Epochs done over epochs planned.
            generator: Of the CPU; the seed of the search and the number of the step determine it.
        """
        return self.coefficients(progress)

    def thresholds(self) -> Mapping[str, Tensor]:
        """Returns the logits (n,) of the nodes' learned thresholds, of each kind of cell, where there are some."""
        return {}

    def numbers(self, progress: float) -> dict[str, Any]:
        """Returns what a line of the history says of the relaxation, as plain data."""
        return {}


class ArchitectureState:
    """What a penalty may look at: the architecture as it is at a step.

    Attributes:
        parameters: The relaxation's module, such as for its thresholds.
        progress: Epochs done over epochs planned.
    """

    def __init__(self, parameters: ArchitectureParameters, progress: float) -> None:
        self.parameters, self.progress = parameters, progress

    @cached_property
    def coefficients(self) -> dict[str, Coefficients]:
        """Of each kind of cell, never random, with gradient history."""
        return self.parameters.coefficients(self.progress)


class Chain(Relaxation):
    """The chain above, but for the softmax of its step 2, which `Softmax` and `Cen` choose.

    Attributes:
        edge_normalization: Whether edges have weights of their own, a softmax over a node's edges (PC-DARTS Eq. 2).
        attention: Constants added to the alphas, in search and in derivation (eDARTS III-A, IV-C).
        temperature: tau of the first epoch (EnTranNAS Eq. 5; 4.2: 5.0).
        temperature_ratio: By what tau is multiplied in each of 50 epochs; runs of other lengths stretch the schedule:
            tau(e) = temperature x ratio^(50 e / epochs) (EnTranNAS 4.2: 0.923).
        temperature_floor: tau does not fall below it; 0: it falls to the end, as in the papers.
        dst: Whether small coefficients become exactly zero by a learned threshold per node (EnTranNAS Eqs. 7-9);
            ``penalties.sparsity`` raises it.
        threshold_start: Every beta of Eq. 8 before the search: 0 is a threshold of 0.5, all operations alive (ours).
        alpha_noise: Standard deviation of the alphas before the search (from the DARTS program).
    """

    # an annealing that begins where the alphas matter: there are a hundred steps in all
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"temperature": 1.0}}

    edge_normalization: bool = False
    attention: dict[str, float] = Field(default_factory=dict)
    temperature: float = Field(default=1.0, gt=0)
    temperature_ratio: float = Field(default=1.0, gt=0, le=1)
    temperature_floor: float = Field(default=0.0, ge=0)
    dst: bool = False
    threshold_start: float = 0.0
    alpha_noise: Rate = 1e-3

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.temperature_floor > self.temperature:
            refuse(
                f"relaxation.temperature_floor={self.temperature_floor:g} above relaxation.temperature="
                f"{self.temperature:g}: the temperature falls over the epochs"
            )
        return self

    @field_validator("attention")
    @classmethod
    def _known(cls, attention: dict[str, float]) -> dict[str, float]:
        for name in attention:
            try:
                get(name)
            except GenoccError as error:
                refuse(str(error))
        return attention

    @property
    def cuts(self) -> bool:
        return self.dst

    def check(self, config: Composition) -> None:
        if self.dst and "none" in config.space.operations:
            instead = (
                f"space={config.space.name}-no-zero" if isinstance(config.space.name, str) else "a list without it"
            )
            refuse(
                f"relaxation.dst=true with search space '{config.space.name}': an operation that is cut is the absence "
                f"of an edge already, so 'none' would mean it twice (EnTranNAS A.2); use {instead}"
            )

    @abstractmethod
    def normalized(self, space: CellSpace, scores: Tensor) -> Tensor:
        """Returns p (E, K), the softmax of scores (E, K)."""

    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> ChainParameters:
        return ChainParameters(self, spaces, seed)


class Softmax(Chain):
    """A softmax over the operations of an edge (DARTS; EnTranNAS Eq. 2); further links are optional."""

    name: Literal["softmax"] = "softmax"

    def normalized(self, space: CellSpace, scores: Tensor) -> Tensor:
        return scores.softmax(1)


class Cen(Chain):
    """A softmax over a node's incoming edges, for each operation apart (EC-DARTS Eq. 4); the same further links."""

    name: Literal["cen"] = "cen"

    def check(self, config: Composition) -> None:
        super().check(config)
        if SKELETONS[config.supernet.skeleton].inputs == 1:
            refuse(
                "relaxation.name=cen: an operation competes with itself on the other edges of its node, and the first "
                f"node of a cell of supernet.skeleton={config.supernet.skeleton} has no other; use another relaxation"
            )

    def normalized(self, space: CellSpace, scores: Tensor) -> Tensor:
        return per_node(space, lambda rows: rows.softmax(0), scores)


class ChainParameters(ArchitectureParameters):
    """The architecture parameters of all kinds of cells; cells of one kind share theirs.

    Args:
        config: Which links the chain has.
        spaces: Kind of cell -> its edges and operations.
        seed: Of the alphas' noise.
    """

    def __init__(self, config: Chain, spaces: Mapping[str, CellSpace], seed: int) -> None:
        super().__init__()
        self.config, self.spaces = config, spaces
        generator = torch.Generator().manual_seed(seed)
        self.alpha = noisy_alphas(config.alpha_noise, spaces, generator)
        self.edge_alpha = nn.ParameterDict()
        if config.edge_normalization:
            for kind, space in spaces.items():
                self.edge_alpha[kind] = _noise(config.alpha_noise, (len(space.edges),), generator)
        self.threshold = nn.ParameterDict()
        if config.dst:
            self.threshold.update(
                {
                    kind: nn.Parameter(torch.full((space.nodes,), config.threshold_start))
                    for kind, space in spaces.items()
                }
            )

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        return {kind: self._coefficients(kind, self.temperature(progress)) for kind in self.spaces}

    def temperature(self, progress: float) -> float:
        """Returns tau (EnTranNAS Eq. 5), annealed as over 50 epochs however long the search is."""
        annealed: float = self.config.temperature_ratio ** (ANNEALED_EPOCHS * progress)
        return max(self.config.temperature * annealed, self.config.temperature_floor)

    def thresholds(self) -> Mapping[str, Tensor]:
        return dict(self.threshold.items())

    def numbers(self, progress: float) -> dict[str, Any]:
        return {"temperature": self.temperature(progress)}

    def _coefficients(self, kind: str, temperature: float) -> Coefficients:
        space, alpha = self.spaces[kind], self.alpha[kind]
        attention = [self.config.attention.get(name, 0.0) for name in space.operations]
        p = self.config.normalized(space, among_candidates(space, (alpha + alpha.new_tensor(attention)) / temperature))
        if self.config.edge_normalization:
            edge = per_node(space, lambda rows: rows.softmax(0), self.edge_alpha[kind])
        else:
            edge = alpha.new_ones(len(space.edges))
        if not self.config.dst:
            return Coefficients(edge, p, edge[:, None] * p)
        p_hat = per_node(space, lambda rows: rows / rows.max(), p)
        return Coefficients(edge, sparsified(space, p_hat, self.threshold[kind].sigmoid()), edge[:, None] * p_hat)


def noisy_alphas(deviation: float, spaces: Mapping[str, CellSpace], generator: Generator) -> nn.ParameterDict:
    """Returns an alpha (E, K) for each kind of cell, normal noise of a standard deviation around zero."""
    sizes = {kind: (len(space.edges), len(space.operations)) for kind, space in spaces.items()}
    return nn.ParameterDict({kind: _noise(deviation, size, generator) for kind, size in sizes.items()})


def _noise(deviation: float, size: tuple[int, ...], generator: Generator) -> nn.Parameter:
    return nn.Parameter(deviation * torch.randn(size, generator=generator))


def sparsified(space: CellSpace, p_hat: Tensor, thresholds: Tensor) -> Tensor:
    """Returns q-hat: thresholds subtracted, negative values cut to zero, each edge scaled to sum one (Eqs. 8-9).

    An edge without survivors is all zeros. A single survivor has the coefficient 1 whatever its q, so that no
    gradient reaches it, not even one of rounding.

    Args:
        space: Edges and nodes.
        p_hat: (E, K), after connection normalization (Eq. 7); each node's largest is 1.
        thresholds: (n,), t of each node, below 1.
    """
    nodes = torch.tensor([target - space.inputs for _, target in space.edges], device=p_hat.device)
    q = functional.relu(p_hat - thresholds[nodes, None])
    alive = q > 0
    several = alive.sum(1, keepdim=True) > 1
    total = torch.where(several, q.sum(1, keepdim=True), torch.ones_like(q[:, :1]))
    return torch.where(several, q / total, alive.to(q.dtype))


def per_node(space: CellSpace, function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Returns ``function`` of the rows of each node's incoming edges, side by side in the order of the edges.

    Args:
        space: Edges and nodes.
        function: Of the rows of one node, which keeps their shape.
        values: (E, ..), one row per edge.
    """
    counts = [len(space.incoming(space.inputs + node)) for node in range(space.nodes)]
    return torch.cat([function(rows) for rows in torch.split(values, counts)])


def among_candidates(space: CellSpace, scores: Tensor) -> Tensor:
    """Returns scores (E, K) that lie below all others where an operation is no candidate of an edge.

    Their softmax is zero, unless nothing else is in it.
    """
    if space.candidates is None:
        return scores
    return scores.masked_fill(~space.candidate_mask(scores.device), torch.finfo(scores.dtype).min)
