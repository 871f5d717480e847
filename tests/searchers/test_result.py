"""Results of searches, as they are read from run folders."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import genocc
from genocc.errors import FileError, NetworkError
from genocc.searchers.result import SearchResult, read_search
from genocc.searchers.search import run_search
from tests.searchers.small import history, small


def test_counts_are_of_the_target_net(tmp_path: Path) -> None:
    budget = ("max_macs=1", "max_params=10", "penalty_macs=1e-9", "channels=8", "layers=6")
    config = small("darts", *(f"budget.{setting}" for setting in budget))
    result = run_search(config, tmp_path, device="cpu")
    target = genocc.NetworkConfig(channels=8, layers=6, classes=10, input_size=(8, 8))
    counted = genocc.count(result.genotype, target).total
    assert (result.macs, result.parameters) == (counted.macs, counted.parameters)
    assert result.excess == {"MACs": (counted.macs, 1), "parameters": (counted.parameters, 10)}
    expected = result.history[-1]["architecture"]["macs"] * 1e9  # of an even mixture of five operations
    assert 0 < expected < 1e9


def test_a_result_is_what_the_folder_holds(darts_run: Path) -> None:
    result, last = SearchResult.read(darts_run), history(darts_run)[-1]
    assert result.genotype == genocc.load(darts_run)
    assert result.genotype_path == darts_run / "genotype.json"
    assert result.config == read_search(darts_run) == small("darts")
    assert (result.validation_accuracy, result.child_accuracy) == (last["validation_accuracy"], last["child_accuracy"])
    assert result.child_accuracy_stale == last["child_accuracy_stale"]
    assert result.undecided == tuple(last["undecided"]) == tuple(result.genotype.metadata["undecided"])
    costs = result.costs
    assert costs.seconds == result.seconds
    assert costs.gpu_days == 0
    assert costs.devices[0].startswith("cpu: ")
    assert (costs.peak_memory or 0) > 50 << 20
    assert result.to_dict()["costs"] == costs.to_dict()
    assert result.seconds == sum(line["seconds"] for line in result.history)
    assert (result.target.classes, result.target.input_channels, result.target.input_size) == (10, 3, (8, 8))
    assert result.excess == {}


def test_only_what_is_over_its_own_budget_exceeds(darts_run: Path) -> None:
    result = SearchResult.read(darts_run)
    for macs, params, expected in (
        (result.macs, result.parameters, {}),
        (result.macs - 1, None, {"MACs": (result.macs, result.macs - 1)}),
        (None, result.parameters - 7, {"parameters": (result.parameters, result.parameters - 7)}),
    ):
        budget = result.config.budget.model_copy(update={"max_macs": macs, "max_params": params})
        limited = replace(result, config=result.config.model_copy(update={"budget": budget}))
        assert limited.excess == expected
        assert limited.to_dict()["excess"] == {name: found - most for name, (found, most) in expected.items()}


def test_of_several_searches_the_genotype_is_in_the_folder_of_them_all(darts_run: Path) -> None:
    one = SearchResult.read(darts_run)
    best = replace(one, seeds=(one, one))
    assert best.genotype_path == darts_run.parent / "genotype.json"
    plain = best.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert [seed["run"] for seed in plain["seeds"]] == [str(darts_run)] * 2
    assert (plain["hash"], plain["epochs"]) == (one.genotype.hash, 2)


def test_a_search_that_is_not_finished_has_no_result(darts_run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(darts_run, tmp_path / "copy"))
    (folder / "genotype.json").unlink()
    with pytest.raises(FileError, match="no such file"):
        SearchResult.read(folder)


@pytest.mark.parametrize("images", [None, {"name": "fake"}, {"size": [8], "classes": 10, "channels": 3}])
def test_metadata_that_no_search_wrote_are_one_clear_error(darts_run: Path, tmp_path: Path, images: object) -> None:
    folder = Path(shutil.copytree(darts_run, tmp_path / "copy"))
    genotype = genocc.load(folder)
    metadata = {**genotype.metadata, "images": images}
    (folder / "genotype.json").write_text(genotype.model_copy(update={"metadata": metadata}).dumps())
    with pytest.raises(NetworkError, match=r"\$\.metadata\.images"):
        SearchResult.read(folder)
