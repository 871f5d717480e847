"""Random genotypes in a folder, and within a budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genocc.counting import cost_by_edge, count
from genocc.errors import ConfigError, FileError, GenoccError, RunError
from genocc.genotype import Genotype
from genocc.latency.prediction import predict
from genocc.network import NetworkConfig
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape
from genocc.searchers.sampling import Sampler, sample
from genocc.searchers.search import run_search
from tests.latency.synthetic import synthetic_profile
from tests.searchers.small import SMALL, small

SIZE = ("budget.channels=8", "budget.layers=5")
TARGET = NetworkConfig(channels=8, layers=5)


def test_genotypes_are_of_the_space_and_repeat_themselves(tmp_path: Path) -> None:
    paths = sample(tmp_path / "a", 12, space="ss3", seed=3)
    assert [path.name for path in paths] == [f"random-seed3-{number:02}.json" for number in range(12)]
    found = [Genotype.load(path) for path in paths]
    assert len({genotype.hash for genotype in found}) == 12
    allowed = {"skip_connect", "max_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"}
    for genotype in found:
        for cell in genotype.cells.values():
            assert all(len({edge.source for edge in node}) == 2 for node in cell.nodes)
            assert {edge.op for _, _, edge in cell.edges()} <= allowed
            assert all(edge.weight is None for _, _, edge in cell.edges()), "what chose it means nothing"
    again = [Genotype.load(path).hash for path in sample(tmp_path / "b", 3, space="ss3", seed=3)]
    assert again == [genotype.hash for genotype in found[:3]], "however many there are"


def test_none_is_over_the_budget(tmp_path: Path) -> None:
    free = [count(Genotype.load(path), TARGET).total for path in sample(tmp_path / "free", 20, overrides=SIZE)]
    macs, params = (sorted(values)[10] for values in ([x.macs for x in free], [x.parameters for x in free]))
    paths = sample(tmp_path / "small", 20, max_macs=macs, max_params=params, overrides=SIZE)
    found = [count(Genotype.load(path), TARGET).total for path in paths]
    assert max(x.macs for x in found) <= macs < max(x.macs for x in free)
    assert max(x.parameters for x in found) <= params
    assert max(Genotype.load(path).metadata["draws"] for path in paths) > 1


def test_none_is_slower_than_the_budget(tmp_path: Path) -> None:
    synthetic_profile().dump(tmp_path / "cpu.json")
    files = [*SIZE, f"budget.latency={tmp_path / 'cpu.json'}"]

    def latencies(name: str, *settings: str) -> list[float]:
        paths = sample(tmp_path / name, 8, overrides=[*files, *settings])
        return [predict(Genotype.load(path), synthetic_profile(), TARGET).seconds for path in paths]

    free = latencies("free")
    limit = sorted(free)[3]
    assert max(latencies("fast", f"budget.max_latency={limit}")) <= limit < max(free)


def test_a_hopeless_latency_says_what_the_fastest_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.searchers.sampling.PREDICTIONS", 2)
    synthetic_profile().dump(tmp_path / "cpu.json")
    settings = [*SIZE, f"budget.latency={tmp_path / 'cpu.json'}", "budget.max_latency=1e-6"]
    expected = r"none of 2 random genotypes is within the budget of 0\.001 ms of predicted latency; .* \d\.\d{3} ms \("
    with pytest.raises(GenoccError, match=expected):
        sample(tmp_path / "few", 1, overrides=settings)


def test_a_search_does_not_go_on_with_another_profile_of_latencies(tmp_path: Path) -> None:
    """A profile that was measured anew would weigh the operations otherwise from there on."""
    file = tmp_path / "cpu.json"
    synthetic_profile().dump(file)
    config = small("random", f"budget.latency={file}")
    run_search(config, tmp_path / "run", device="cpu")
    (tmp_path / "run" / "genotype.json").unlink()
    run_search(config, tmp_path / "run", device="cpu", resume=True)
    (tmp_path / "run" / "genotype.json").unlink()
    synthetic_profile().model_copy(update={"seconds": 7.0}).dump(file)
    with pytest.raises(RunError, match=r"the file of budget.latency is not the one that the run began with"):
        run_search(config, tmp_path / "run", device="cpu", resume=True)


@pytest.mark.parametrize("space", ["darts", "ss5"])
def test_costs_are_sums_over_edges(space: str) -> None:
    config = SearchConfig.make("random", "cifar", [*SIZE, f"space.name={space}", "topology.nodes=3"])
    sampler = Sampler(config, DataShape(10))
    for number in range(30):
        genotype, _, _ = sampler.sample(number, "x")
        total = count(genotype, sampler.target).total
        assert sampler.costs(genotype) == (total.macs, total.parameters)


def test_thousands_of_draws_lower_few_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = []

    def lower(*arguments: object) -> object:
        lowered.append(arguments)
        return cost_by_edge(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("genocc.searchers.sampling.cost_by_edge", lower)
    config = SearchConfig.make("random", "cifar", [*SIZE, "budget.max_macs=1000"])
    with pytest.raises(GenoccError, match="none of 2,000 random genotypes is within the budget"):
        Sampler(config, DataShape(10)).sample(0, "x")
    assert len(lowered) < 200


def test_a_hopeless_budget_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.searchers.sampling.DRAWS", 5)
    message = r"none of 5 random genotypes is within the budget of 1,000 MACs; the least were [\d,]+ MACs \(cifar, C=8"
    with pytest.raises(GenoccError, match=message):
        sample(tmp_path / "few", 1, max_macs=1000, overrides=SIZE)
    config = SearchConfig.make("random", "cifar", [*SMALL, *SIZE, "budget.max_params=10"])
    with pytest.raises(GenoccError, match="within the budget of 10 parameters"):
        run_search(config, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "config.json").exists(), "there is nothing to resume"


def test_all_genotypes_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    for stop in (KeyboardInterrupt(), FileError("full")):
        for folder in (tmp_path / "empty", tmp_path / "a" / "new"):
            drawn = Sampler.sample
            monkeypatch.setattr(Sampler, "sample", lambda *a, s=stop, d=drawn: _stopped(s) if a[1] == 2 else d(*a))
            with pytest.raises(type(stop)):
                sample(folder, 3, overrides=SIZE)
            assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
            monkeypatch.undo()
    assert len(sample(tmp_path / "empty", 3, overrides=SIZE)) == 3


def _stopped(error: BaseException) -> Any:
    raise error


def test_a_run_s_files_and_standard_output_are_no_folders_for_samples(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"command": "search", "config": {}}))
    for name in ("genotype.json", "checkpoint", "tensorboard"):
        with pytest.raises(FileError, match="is a file of the run in"):
            sample(tmp_path / name)
    with pytest.raises(FileError, match="is standard output; expected a new or empty folder"):
        sample("-")
    assert len(sample(tmp_path / "more", 2, overrides=SIZE)) == 2


def test_folders_and_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(FileError, match="is not empty; choose a new or empty folder"):
        sample(tmp_path / "full")
    for number in (0, 100_001):
        with pytest.raises(ConfigError, match="expected 1 to 100,000"):
            sample(tmp_path / "new", number)
    with pytest.raises(ConfigError, match="unknown search space 'drats'"):
        sample(tmp_path / "new", space="drats")
    assert not (tmp_path / "new").exists()
