"""The super-net of every method: stem, super-cells, head. It is composed of the parts, and drives them per pass:

relaxation (coefficients) -> derivation (masks) -> placement (views) -> connection (inside the cells).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from genocc import origins
from genocc.counting import check_weights
from genocc.data.batches import derived_seed
from genocc.errors import GenoccError
from genocc.genotype import Genotype
from genocc.graph import GraphBuilder
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.network import SKELETONS, NetworkConfig
from genocc.nn.batch_norm import SYNC_EMITTERS
from genocc.nn.graph_module import graph_module
from genocc.nn.primitives import EMITTERS, BatchNorm2d, Emitters
from genocc.operations import Block
from genocc.primitives import Input, Shape
from genocc.runs.processes import ALONE, Processes

from ..arithmetic.factory import ModuleFactory
from ..arithmetic.features import CellState
from ..arithmetic.maps import MapShare, fold, unfold
from ..config import SearchConfig
from ..interface import (
    CellSpace,
    Coefficients,
    DataShape,
    DerivationContext,
    DerivedCoefficients,
    Group,
    Masks,
    Route,
    View,
)
from ..parts.connection import Channels
from ..parts.derivation import derived_cell
from ..parts.penalties import all_candidates
from ..parts.relaxation import ArchitectureState
from .cell import SuperCell, Terms


class SuperNet(nn.Module):
    """A weight-sharing net of super-cells; offers the loop what `SearchNet` lists.

    Args:
        config: The parts and the skeleton.
        data_shape: Sizes of images and classes.
        candidates: Kind of cell -> mask (E, K) of the operations that compete, in a stage that has dropped some.
        processes: Those that share each batch.

    Attributes:
        kinds: The kind of each super-cell, in order.
        views: The view of each super-cell, in order.
        blocks: Number of a super-cell -> the block before it that stands in the place of a reduction cell.
        spaces: Kind of cell -> its edges and operations.
        relaxation: The architecture parameters.
        derivation: The rule from coefficients to masks.
        context: What the derivation may look at, besides coefficients; set by whoever has the data.
    """

    def __init__(
        self,
        config: SearchConfig,
        data_shape: DataShape,
        candidates: Masks | None = None,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__()
        network = config.supernet.network(data_shape)
        cells = [number for number in range(network.layers) if network.kind(number) in network.kinds]
        self.kinds = tuple(map(network.kind, cells))
        self.views = config.placement.views(self.kinds)
        self.spaces = _spaces(config, set(self.kinds), candidates or {})
        _check_size(config, network, self.spaces)
        self.relaxation = config.relaxation.build(self.spaces, config.seed)
        self.derivation = config.derivation
        self.context: DerivationContext | None = None
        self.seed = config.seed
        self._step: int | None = None
        self._progress = 0.0

        emitters = EMITTERS if processes.count == 1 else SYNC_EMITTERS
        self.stem, inputs, reduced = _stem(network, config.seed, emitters)
        self.cells, self.blocks = nn.ModuleList(), nn.ModuleDict()
        channels = network.channels
        for number in range(network.layers):
            kind = network.kind(number)
            channels *= 2 if kind == "reduction" else 1
            if number not in cells:
                block, shape = _block(network, number, inputs[1], channels, config.seed, emitters)
                self.blocks[str(len(self.cells))], inputs = block, (inputs[1], shape)
                continue
            cell = SuperCell(
                self.spaces[kind],
                config.connection,
                ModuleFactory(config.seed, str(origins.Cell(number))),
                channels=channels,
                inputs=inputs,
                reduction=kind == "reduction",
                older_is_larger=reduced,
            )
            self.cells.append(cell)
            inputs, reduced = (inputs[1], cell.shape), kind == "reduction"
        self.head = _head(inputs[1], network, config.seed, emitters)

        terms = {name: part.build(config, self.spaces, data_shape) for name, part in config.penalties.items()}
        self._penalties = tuple(name for name, term in terms.items() if term is not None)
        self.terms = nn.ModuleList(term for term in terms.values() if term is not None)
        self._narrowest = config.connection.operated(network.channels)
        architecture = set(map(id, self.relaxation.parameters()))
        # listed once: every step asks several times, and there are hundreds of modules to look into
        self._weights = [parameter for parameter in self.parameters() if id(parameter) not in architecture]
        if processes.count > 1:
            self._share(processes)
        if config.supernet.precision == "float64":
            self.double()

    @property
    def progress(self) -> float:
        """Epochs done over epochs planned; annealing follows it."""
        return self._progress

    @progress.setter
    def progress(self, value: float) -> None:
        self._progress = value
        for cell in self.cells:
            assert isinstance(cell, SuperCell)
            cell.channels.progress = value

    def forward(self, images: Tensor, route: Route | None = None) -> Tensor:
        """Returns logits (N, classes) of images (N, channels, H, W)."""
        route = route or self.route()
        terms = {pair: self._terms(*pair, route) for pair in set(zip(self.kinds, route.views, strict=True))}
        older, newer = self.stem(images.to(self._weights[0].dtype).contiguous(memory_format=torch.channels_last))
        before = CellState(fold(newer, self._narrowest))
        states = (before if older is newer else CellState(fold(older, self._narrowest)), before)
        pairs = zip(self.kinds, route.views, strict=True)
        for number, (cell, pair) in enumerate(zip(self.cells, pairs, strict=True)):
            if str(number) in self.blocks:
                halved = self.blocks[str(number)](unfold(states[1].map))
                states = (states[1], CellState(fold(halved, self._narrowest)))
            states = (states[1], cell(*states, terms[pair]))
        logits: Tensor = self.head(unfold(states[1].map))
        return logits

    def route(
        self,
        view: View | None = None,
        *,
        masks: Masks | None = None,
        coefficients: Mapping[str, Coefficients] | None = None,
        derived: DerivedCoefficients = "ones",
    ) -> Route:
        """Returns a route, by default the current one; see `SearchNet.route`."""
        chosen = self.views if view is None else (view,) * len(self.kinds)
        means = None
        if coefficients is None:
            random = self._step is not None and self.relaxation.random and View.MIXED in chosen
            coefficients = self._drawn() if random else self.coefficients()
            means = self.frozen() if random and View.DERIVED in chosen else None
        if masks is None:
            masks = self._select(means or coefficients, None) if View.DERIVED in chosen else {}
        return Route(chosen, coefficients, masks, derived)

    def coefficients(self) -> dict[str, Coefficients]:
        """Returns the current coefficients of each kind, with gradient history; never random."""
        return self._among_candidates(self.relaxation.coefficients(self.progress))

    @contextmanager
    def drawing(self, step: int) -> Iterator[None]:
        """Within the context, mixed cells use the coefficients that a random relaxation draws in this step."""
        self._step = step
        try:
            yield
        finally:
            self._step = None

    def frozen(self) -> dict[str, Coefficients]:
        """Returns the current coefficients of each kind, detached; never random."""
        return {kind: found.detach() for kind, found in self.coefficients().items()}

    def select(self) -> Masks:
        """Returns the edges and operations that the derivation keeps now."""
        return self._select(self.frozen(), self.context)

    def derive(self, name: str = "searched", metadata: Mapping[str, Any] | None = None) -> Genotype:
        """Returns the genotype of `select`, each edge with its importance as ``weight``."""
        found, masks = self.frozen(), self.select()
        cells = {kind: derived_cell(space, masks[kind], found[kind]) for kind, space in self.spaces.items()}
        return Genotype(name=name, cells=cells, metadata=dict(metadata or {}))

    def penalties(self) -> dict[str, Tensor]:
        """Returns the scalar terms that an architecture step adds to its loss, by name."""
        state = ArchitectureState(self.relaxation, self.progress)
        return {name: term(state) for name, term in zip(self._penalties, self.terms, strict=True)}

    def weight_parameters(self) -> list[nn.Parameter]:
        """Returns w."""
        return list(self._weights)

    def architecture_parameters(self) -> list[nn.Parameter]:
        """Returns alpha and beta."""
        return list(self.relaxation.parameters())

    @contextmanager
    def training_only(self, group: Group) -> Iterator[None]:
        """Within the context, the other group needs no gradient: it is not computed, and `.grad` stays None."""
        others = self.architecture_parameters() if group == "weights" else self.weight_parameters()
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in others:
                parameter.requires_grad_(True)

    def weight_state(self) -> dict[str, Tensor]:
        """Returns copies of w and of the BN statistics by name."""
        return {name: tensor.clone() for name, tensor in self._weight_tensors().items()}

    def load_weight_state(self, state: Mapping[str, Tensor]) -> None:
        """Puts a `weight_state` back, in place."""
        with torch.no_grad():
            for name, tensor in self._weight_tensors().items():
                tensor.copy_(state[name])

    def _share(self, processes: Processes) -> None:
        """Has BN take its statistics over the batch of all processes, and random numbers be drawn for it."""
        for module in self.cells.modules():
            if isinstance(module, BatchNorm2d):
                module.synchronized = True
            elif isinstance(module, Channels):
                module.share = MapShare(processes, self._narrowest)

    def _weight_tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("relaxation.")}

    def _drawn(self) -> dict[str, Coefficients]:
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "draw", self._step))
        return self._among_candidates(self.relaxation.draw(self.progress, generator))

    def _among_candidates(self, found: dict[str, Coefficients]) -> dict[str, Coefficients]:
        """The same coefficients, of which only those of candidates are alive."""
        for kind, space in self.spaces.items():
            if space.candidates is not None:
                alive = found[kind].alive
                found[kind] = replace(found[kind], mask=alive & space.candidate_mask(alive.device))
        return found

    def _select(self, coefficients: Mapping[str, Coefficients], context: DerivationContext | None) -> Masks:
        masks = self.derivation.select(self.spaces, coefficients, context)
        for kind, space in self.spaces.items():
            found, shape = masks.get(kind), (len(space.edges), len(space.operations))
            if found is None or found.dtype != torch.bool or found.shape != shape:
                was = "nothing" if found is None else f"{found.dtype} {tuple(found.shape)}"
                raise GenoccError(
                    f"derivation '{self.derivation.name}': returned {was} for {kind} cells; expected a mask of "
                    f"torch.bool {shape}"
                )
        return masks

    def _terms(self, kind: str, view: View, route: Route) -> Terms:
        """The terms of cells of a kind in a view."""
        space, found = self.spaces[kind], route.coefficients[kind]
        alive = found.alive if view is View.MIXED else route.masks[kind]
        live = [(edge, k) for edge, k in alive.nonzero().tolist() if space.operations[k] != "none"]
        if view is View.DERIVED and route.derived == "ones":
            return Terms(tuple(live), torch.ones_like(found.op), torch.ones_like(found.edge))
        return Terms(tuple(live), found.edge[:, None] * found.op, found.edge)


def _spaces(config: SearchConfig, kinds: set[str], candidates: Masks) -> dict[str, CellSpace]:
    """Kind of cell -> its edges and operations."""
    spaces = config.cell_spaces(kinds)
    competing = {kind: tuple(map(tuple, mask.tolist())) for kind, mask in candidates.items()}
    return {kind: replace(space, candidates=competing.get(kind)) for kind, space in spaces.items()}


def _stem(network: NetworkConfig, seed: int, emitters: Emitters) -> tuple[nn.Module, tuple[Shape, Shape], bool]:
    """The stem, the shapes of its two outputs (older, newer), and whether cell 0 counts as following a reduction."""
    block = Block(GraphBuilder(), "", network.channels)
    image = block.builder.add("image", Input(network.input_channels, *network.input_size))
    stem = SKELETONS[network.skeleton].stem(block, image, network)
    graph = block.builder.build(older=stem.older, newer=stem.newer)
    shapes = block.builder.shape(stem.older), block.builder.shape(stem.newer)
    return graph_module(graph, initialize(graph, seed), emitters), shapes, stem.reduced


def _block(
    network: NetworkConfig, number: int, shape: Shape, channels: int, seed: int, emitters: Emitters
) -> tuple[nn.Module, Shape]:
    """The block that stands in the place of a reduction cell, its BN with scale and shift; and its output's shape."""
    reduction = SKELETONS[network.skeleton].reduction
    assert reduction is not None, "a cell of the genotype"
    block = Block(GraphBuilder(), "", channels)
    before, height, width = shape
    x = block.builder.add("x", Input(before, height, width))
    y = reduction(block.within(origins.Cell(number)), x)
    graph = block.builder.build(y=y)
    return graph_module(graph, initialize(graph, seed), emitters), block.builder.shape(y)


def _head(shape: Shape, network: NetworkConfig, seed: int, emitters: Emitters) -> nn.Module:
    """The skeleton's tail, the global mean and the linear classifier."""
    block = Block(GraphBuilder(), "", shape[0])
    channels, height, width = shape
    head, x = block.within(origins.HEAD), block.builder.add("x", Input(channels, height, width))
    x = head.mean(SKELETONS[network.skeleton].tail(head, x))
    graph = block.builder.build(logits=block.within(origins.CLASSIFIER).linear(x, origins.LINEAR, network.classes))
    return graph_module(graph, initialize(graph, seed), emitters)


def _check_size(config: SearchConfig, network: NetworkConfig, spaces: Mapping[str, CellSpace]) -> None:
    """Refuses a super-net that no memory holds, before it is made: by the net of all its operations; NetworkError."""
    graph = lower(all_candidates(spaces), network)
    check_weights(graph, (config.connection.operated(network.channels) / network.channels) ** 2)
