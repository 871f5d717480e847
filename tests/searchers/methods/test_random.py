"""Random cells: uniform over what the derivation can derive."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path

import pytest
from scipy.stats import chisquare

from genocc.errors import ConfigError
from genocc.runs.reading import CHECKPOINTS, read_history
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape
from genocc.searchers.result import SearchResult
from genocc.searchers.sampling import Sampler
from genocc.searchers.search import run_search
from tests.searchers.small import SMALL

TINY = ('space=["none","skip_connect","conv_1x1"]', "topology.nodes=2", "budget.layers=3", "budget.channels=4")


@pytest.mark.parametrize(
    ("overrides", "cells"),
    [
        ((), 2**2 * 3 * 2**2),  # node 2 has both of its edges, node 3 two of three; an operation of two on each
        (("derivation=argmax",), 2**5),
        (("derivation.edges_per_node=1",), 2 * 2 * 3 * 2),
        (("derivation.distinct_predecessors=false",), prod((6, 15))),  # two of 4 pairs, two of 6
    ],
)
def test_cells_are_uniform_under_each_rule(overrides: tuple[str, ...], cells: int) -> None:
    config = SearchConfig.make("random", "cifar", [*TINY, *overrides])
    sampler = Sampler(config, DataShape(10, 3, (8, 8)))
    found: dict[str, Counter[str]] = {"normal": Counter(), "reduction": Counter()}
    pairs: Counter[tuple[str, str]] = Counter()
    draws = 25 * cells
    for number in range(draws):
        genotype, _, _ = sampler.sample(number, "x")
        for kind, cell in genotype.cells.items():
            found[kind][cell.model_dump_json()] += 1
            assert not any(edge.is_none for _, _, edge in cell.edges())
        first, second = (genotype.cells[kind].nodes[0][0].op for kind in ("normal", "reduction"))
        pairs[first, second] += 1
    for counts in found.values():
        assert len(counts) == cells, "every cell, and no other"
        assert chisquare(list(counts.values())).pvalue > 1e-3
    if not overrides:
        assert chisquare(list(pairs.values())).pvalue > 1e-3, "normal and reduction cells are independent"


def test_its_run_folder_is_like_others_and_repeats_itself(tmp_path: Path) -> None:
    config = SearchConfig.make("random", "cifar", [*SMALL, "seed=5"])
    first, second = (run_search(config, tmp_path / name, device="cpu") for name in "ab")
    assert first.genotype == second.genotype
    assert first.genotype.metadata["method"] == "random"
    assert not (tmp_path / "a" / CHECKPOINTS).exists()
    (line,) = read_history(tmp_path / "a")
    assert line["genotype"]["cells"] == first.genotype.model_dump(mode="json", exclude_none=True)["cells"]
    assert line["edges_per_node"] == {"normal": [2, 2], "reduction": [2, 2]}
    assert (first.validation_accuracy, first.child_accuracy) == (None, None)
    assert SearchResult.read(tmp_path / "a").to_dict()["hash"] == first.genotype.hash
    other = run_search(config.model_copy(update={"seed": 6}), tmp_path / "c", device="cpu")
    assert other.genotype.hash != first.genotype.hash


def test_a_run_that_was_killed_before_its_result_has_one_line(tmp_path: Path) -> None:
    config = SearchConfig.make("random", "cifar", SMALL)
    whole = run_search(config, tmp_path / "run", device="cpu")
    (tmp_path / "run" / "genotype.json").unlink()
    again = run_search(config, tmp_path / "run", device="cpu", resume=True)
    assert again.genotype == whole.genotype
    assert len(read_history(tmp_path / "run")) == 1


@pytest.mark.parametrize(
    ("method", "override", "message"),
    [
        ("darts", "relaxation=uniform", "it has nothing that could be learned; use schedule.name=no-training"),
        ("darts", "schedule=no-training", "nothing would be learned; use relaxation.name=uniform"),
        ("random", "derivation=non-zero", "a relaxation that cuts nothing"),
    ],
)
def test_what_has_no_meaning_is_refused(method: str, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchConfig.make(method, "quick", [override])
