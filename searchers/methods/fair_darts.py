"""Fair DARTS: each operation has a sigmoid of its own, so that none grows at the cost of another.

Chu, Zhou, Zhang, Li: Fair DARTS: Eliminating Unfair Advantages in Differentiable Architecture Search, ECCV 2020.
docs/methods/fair-darts.md has the formulas and how the paper was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from genocc.configuration import Rate, refuse

from ..interface import CellSpace, Coefficients, DataShape
from ..method import Method
from ..parts import (
    AlternatingSchedule,
    ArchitectureConfig,
    ArchitectureParameters,
    Derivation,
    Penalty,
    PenaltyTerm,
    Relaxation,
    SpaceConfig,
    WeightsConfig,
)
from ..parts.derivation import Choice, best_of_edges, candidates, mask_of, strongest_of_nodes
from ..parts.relaxation import ArchitectureState, noisy_alphas
from ..registry import Composition


class Sigmoid(Relaxation):
    """A sigmoid of each alpha by itself: operations collaborate, and do not compete (Fair DARTS 4.1).

    Attributes:
        alpha_noise: Standard deviation of the alphas before the search (from its program: 0, every coefficient is 0.5).
    """

    name: Literal["sigmoid"] = "sigmoid"
    alpha_noise: Rate = 0.0

    def check(self, config: Composition) -> None:
        if "none" in config.space.operations:
            refuse(
                f"relaxation.name=sigmoid with search space '{config.space.name}': an edge whose operations all have "
                "small coefficients is absent already, so 'none' would take nothing from them; use a space without it, "
                "such as space=darts-no-zero"
            )

    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> SigmoidParameters:
        return SigmoidParameters(self.alpha_noise, spaces, seed)


class SigmoidParameters(ArchitectureParameters):
    """Alphas (E, K) of each kind of cell, and their sigmoids.

    Args:
        alpha_noise: Standard deviation of the alphas.
        spaces: Kind of cell -> its edges and operations.
        seed: Of the noise.
    """

    def __init__(self, alpha_noise: float, spaces: Mapping[str, CellSpace], seed: int) -> None:
        super().__init__()
        self.spaces = spaces
        self.alpha = noisy_alphas(alpha_noise, spaces, torch.Generator().manual_seed(seed))

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        return {kind: self._coefficients(kind) for kind in self.spaces}

    def _coefficients(self, kind: str) -> Coefficients:
        space, alpha = self.spaces[kind], self.alpha[kind]
        sigma = alpha.sigmoid()
        if space.candidates is not None:
            sigma = sigma.masked_fill(~space.candidate_mask(alpha.device), 0.0)
        return Coefficients(alpha.new_ones(len(space.edges)), sigma, sigma)


class ZeroOne(Penalty):
    """Rewards coefficients for being far from 0.5, so that little is lost when they become 0 or 1 (Fair DARTS 4.2).

    The mean is over all operations of all edges, of both kinds of cells together.

    Attributes:
        factor: w_{0-1} (10).
        norm: ``l2``: minus the mean of (coefficient - 0.5)^2; ``l1``: minus that of the distance, which the
            paper compares with.
    """

    name: Literal["zero-one"] = "zero-one"
    factor: Rate = 10.0
    norm: Literal["l2", "l1"] = "l2"

    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        return ZeroOneTerm(self, spaces) if self.factor else None


class ZeroOneTerm(PenaltyTerm):
    """`ZeroOne`, of the coefficients of operations.

    Args:
        config: Factor and norm.
        spaces: Kind of cell -> its edges and operations; those that a stage has dropped do not count.
    """

    def __init__(self, config: ZeroOne, spaces: Mapping[str, CellSpace]) -> None:
        super().__init__()
        self.config = config
        for kind, space in spaces.items():
            self.register_buffer(kind, space.candidate_mask(torch.device("cpu")), persistent=False)
        self.number = sum(int(self.get_buffer(kind).sum()) for kind in spaces)

    def forward(self, architecture: ArchitectureState) -> Tensor:
        found = architecture.coefficients
        terms = [(self._distance(of.op) * self.get_buffer(kind)).sum() for kind, of in found.items()]
        return -self.config.factor / self.number * torch.stack(terms).sum()

    def _distance(self, coefficients: Tensor) -> Tensor:
        difference = coefficients - 0.5
        return difference.square() if self.config.norm == "l2" else difference.abs()


class Threshold(Derivation):
    """The strongest edges of each node, as far as their operations reach a threshold (Fair DARTS 5.1, its program).

    Attributes:
        threshold: sigma_threshold: the least coefficient of an operation that is kept (0.85; 0.75 keeps more).
        edges_per_node: How many edges a node has at most (2). Large: any number.
        operations_per_edge: How many operations an edge has at most (1; the program's other rule has 2, on any number
            of edges).
        empty_nodes: What becomes of a node none of whose operations reaches the threshold. ``zero``: it is zero, as the
            isolated nodes of the paper's cells are; ``strongest``: it keeps its strongest operation (ours).
    """

    # a search of a hundred steps may end before anything has reached the threshold
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"empty_nodes": "strongest"},
        "nas-bench-201": {"edges_per_node": 3},
    }

    name: Literal["threshold"] = "threshold"
    threshold: float = Field(default=0.85, ge=0, le=1)
    edges_per_node: int = Field(default=2, ge=1)
    operations_per_edge: int = Field(default=1, ge=1)
    empty_nodes: Literal["zero", "strongest"] = "zero"

    @property
    def within_edges(self) -> bool:
        return self.operations_per_edge == 1

    def cell(self, space: CellSpace, coefficients: Coefficients) -> Tensor:
        alive = candidates(space, coefficients)
        best = best_of_edges(alive)
        kept: list[Choice] = []
        for edge, _ in strongest_of_nodes(space, alive, best, self.edges_per_node):
            strongest = sorted((choice for choice in alive if choice[0] == edge), key=lambda choice: -alive[choice])
            kept += [choice for choice in strongest[: self.operations_per_edge] if alive[choice] >= self.threshold]
        if self.empty_nodes == "strongest":
            fed = {space.edges[edge][1] for edge, _ in kept}
            ones = strongest_of_nodes(space, alive, best, 1)
            kept += [choice for choice in ones if space.edges[choice[0]][1] not in fed]
        return mask_of(space, kept, coefficients)


class FairDarts(Method):
    """Fair DARTS: a sigmoid for each operation, a loss that drives it to 0 or 1, and a threshold."""

    name = "fair-darts"
    paper = "Chu et al., Fair DARTS, ECCV 2020"
    space = SpaceConfig(name="darts-no-zero")
    relaxation = Sigmoid()
    derivation = Threshold()
    schedule = AlternatingSchedule(batch_size=128)
    penalties = (ZeroOne(),)
    weights = WeightsConfig(learning_rate=0.005)
    architecture = ArchitectureConfig(learning_rate=3e-3, betas=(0.9, 0.999))
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nas-bench-201": {"space": {"name": "nas-bench-201-no-zero"}}}
    # alpha has to come from 0 to 1.7, where a sigmoid is 0.85, in a hundred steps
    quick: ClassVar[Mapping[str, Any]] = {"architecture": {"learning_rate": 0.05}}
