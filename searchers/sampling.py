"""Sampling: random genotypes, one for the run of method `random`, or many for `genocc sample`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from math import inf
from pathlib import Path
from typing import Any

from genocc.counting import cost_by_edge
from genocc.data.batches import derived_seed
from genocc.errors import ConfigError, FileError, GenoccError
from genocc.files import filled_folder
from genocc.genotype import Cell, Genotype
from genocc.latency.prediction import predict
from genocc.network import NetworkConfig
from genocc.runs.folder import RunFolder
from genocc.runs.images import images_metadata
from genocc.runs.outputs import refuse_overwriting
from genocc.runs.progress import Progress
from genocc.version import __version__

from .config import SearchConfig
from .interface import Coefficients, DataShape
from .parts.derivation import derived_cell
from .summary import architecture_numbers

DRAWS = 2000
"""Genotypes that are drawn for one within the budget."""
PREDICTIONS = 100
"""Those of them whose latency is predicted, where that is limited: each takes a compilation, a quarter of a second."""
MOST = 100_000
"""The most genotypes that one call samples."""


class Sampler:
    """Draws genotypes that the derivation makes of random importances, until one is within the budget.

    Args:
        config: A search with ``schedule.name=no-training``.
        data_shape: Sizes of images and classes.

    Raises:
        NetworkError: The target skeleton does not fit the images.
        GenoccError: The profile of latencies cannot be used.
    """

    def __init__(self, config: SearchConfig, data_shape: DataShape) -> None:
        self.config = config
        self.target = config.budget.target(**data_shape.of_network)
        self.spaces = config.cell_spaces(self.target.kinds)
        self._of_edges: dict[tuple[str, int, int, str], tuple[int, int]] = {}
        self._around = (0, 0)
        self._profile = config.budget.profile()

    def sample(self, number: int, name: str) -> tuple[Genotype, dict[str, Coefficients], int]:
        """Returns genotype ``number`` of the seed's sequence, its coefficients, and how many were drawn for it.

        Raises:
            GenoccError: None of `DRAWS` (`PREDICTIONS`) is within the budget; the message says how close the best came.
        """
        budget = self.config.budget
        limits: dict[str, float | None] = {"MACs": budget.max_macs, "parameters": budget.max_params}
        least, fastest, predicted = dict.fromkeys(limits, inf), inf, 0
        for draw in range(DRAWS):
            genotype, found = self._drawn(derived_seed(self.config.seed, "sample", number, draw), name)
            if budget.max_macs is None and budget.max_params is None and budget.max_latency is None:
                return genotype, found, draw + 1
            costs = dict(zip(limits, self.costs(genotype), strict=True))
            if all(most is None or costs[cost] <= most for cost, most in limits.items()):
                if (latency := self._latency(genotype)) <= (budget.max_latency or inf):
                    return genotype, found, draw + 1
                fastest, predicted = min(fastest, latency), predicted + 1
            least = {cost: min(least[cost], costs[cost]) for cost in costs}
            if predicted == PREDICTIONS:
                break
        asked = ", ".join(f"{most:,} {cost}" for cost, most in limits.items() if most is not None)
        closest = " and ".join(f"{least[cost]:,} {cost}" for cost, most in limits.items() if most is not None)
        if budget.max_latency is not None:
            asked = f"{asked}{', ' * bool(asked)}{budget.max_latency * 1e3:,.3f} ms of predicted latency"
            closest = f"{closest}{' and ' * bool(closest)}{fastest * 1e3:,.3f} ms"
        raise GenoccError(
            f"none of {draw + 1:,} random genotypes is within the budget of {asked}; the least were {closest} "
            f"({_described(self.target)}): allow more, or choose a smaller target with budget.channels and "
            "budget.layers"
        )

    def costs(self, genotype: Genotype) -> tuple[int, int]:
        """Returns MACs and parameters of a drawn genotype: of what is around its cells' edges, and of each edge.

        Those of an edge are counted once: of thousands of draws, few have one that none before them had.
        """
        edges = [
            (kind, edge.source, state, edge.op)
            for kind, cell in genotype.cells.items()
            for state, _, edge in cell.edges()
        ]
        if any(edge not in self._of_edges for edge in edges):
            total, found = cost_by_edge(genotype, self.target)
            for edge in found:
                self._of_edges[edge.cell, edge.source, edge.target, edge.op] = edge.cost.macs, edge.cost.parameters
            self._around = _sum((total.macs, total.parameters), *((-e.cost.macs, -e.cost.parameters) for e in found))
        return _sum(self._around, *(self._of_edges[edge] for edge in edges))

    def _latency(self, genotype: Genotype) -> float:
        """Predicted seconds of a drawn genotype; 0 without a limit."""
        if self._profile is None or self.config.budget.max_latency is None:
            return 0.0
        return predict(genotype, self._profile, self.target).seconds

    def _drawn(self, seed: int, name: str) -> tuple[Genotype, dict[str, Coefficients]]:
        found = self.config.relaxation.build(self.spaces, seed).coefficients(0.0)
        masks = self.config.derivation.select(self.spaces, found, None)
        cells = {kind: derived_cell(space, masks[kind], found[kind]) for kind, space in self.spaces.items()}
        return Genotype(name=name, cells={kind: _unweighted(cell) for kind, cell in cells.items()}), found


def run_sampling(config: SearchConfig, folder: RunFolder, data: str, data_shape: DataShape, progress: Progress) -> None:
    """Makes the run of a schedule without training: one line of history, and the genotype.

    Args:
        config: The search.
        folder: Its run folder.
        data: Name of the data set.
        data_shape: Sizes of images and classes.
        progress: Is told about the line.

    Raises:
        GenoccError: No genotype within the budget was found.
    """
    began = time.monotonic()
    sampler = Sampler(config, data_shape)
    genotype, found, draws = sampler.sample(0, f"{config.method}-{data}-seed{config.seed}")
    folder.begin()
    folder.truncate(0)  # of a run that was killed before its result was written
    line: dict[str, Any] = {"epoch": 1, "draws": draws, **architecture_numbers(sampler.spaces, found, genotype)}
    folder.append({**line, "seconds": round(time.monotonic() - began, 3)})
    progress.message(f"{genotype.name}: drawn at random, {draws} in all")
    metadata = {
        "method": config.method,
        "genocc": __version__,
        "seed": config.seed,
        "draws": draws,
        **images_metadata(data, data_shape.classes, data_shape.channels, data_shape.size),
        **config.budget.latency_metadata(genotype, **data_shape.of_network),
    }
    folder.finish(genotype.model_copy(update={"metadata": metadata}).dumps())
    folder.log(f"finished: {genotype.hash}")


def sample(
    out: str | Path,
    number: int = 1,
    *,
    space: str = "darts",
    seed: int = 0,
    max_macs: int | None = None,
    max_params: int | None = None,
    overrides: Iterable[str] = (),
) -> list[Path]:
    """Writes random genotypes, independent of each other, into a folder, all or none; returns their files.

    Args:
        out: The folder, new or empty.
        number: How many.
        space: A search space.
        seed: Of all of them; genotype k of a seed is the same however many there are.
        max_macs: Budget of each on the target net: 20 cells, C = 36, on CIFAR-10; ``budget`` in ``overrides``.
        max_params: The same for its parameters.
        overrides: Texts ``part.field=value``: any setting of method `random`.

    Raises:
        GenoccError: A setting or the folder cannot be used, or no genotype within the budget was found.
    """
    if not 1 <= number <= MOST:
        raise ConfigError(f"{number} genotypes: expected 1 to {MOST:,}")
    budget = {"max_macs": max_macs, "max_params": max_params}
    config = SearchConfig.make("random", "cifar", overrides, space={"name": space}, seed=seed, budget=budget)
    if str(out) == "-":
        raise FileError("-: is standard output; expected a new or empty folder")
    for written in (Path(out), Path(out, "a")):  # the folder itself, and files in it
        refuse_overwriting(written)
    with filled_folder(out) as write:
        return [write(f"{name}.json", text) for name, text in _texts(Sampler(config, DataShape(10)), number)]


def _texts(sampler: Sampler, number: int) -> Iterator[tuple[str, str]]:
    seed, digits = sampler.config.seed, len(str(number - 1))
    for one in range(number):
        name = f"random-seed{seed}-{one:0{digits}}"
        genotype, _, draws = sampler.sample(one, name)
        metadata = {"method": "random", "genocc": __version__, "seed": seed, "number": one, "draws": draws}
        yield name, genotype.model_copy(update={"metadata": metadata}).dumps()


def _sum(*costs: tuple[int, int]) -> tuple[int, int]:
    return sum(macs for macs, _ in costs), sum(parameters for _, parameters in costs)


def _unweighted(cell: Cell) -> Cell:
    """The cell without the random numbers that chose its edges."""
    nodes = tuple(tuple(edge.model_copy(update={"weight": None}) for edge in node) for node in cell.nodes)
    return cell.model_copy(update={"nodes": nodes})


def _described(target: NetworkConfig) -> str:
    height, width = target.input_size
    return f"{target.skeleton}, C={target.channels}, L={target.layers}, {height}x{width}"
