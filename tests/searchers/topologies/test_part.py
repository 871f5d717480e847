"""A part of a ranking: what it trains, what it leaves to be done, and how tasks are divided."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from filelock import FileLock

from genocc.data import DataSet
from genocc.errors import RunError
from genocc.genotype import Genotype
from genocc.runs.reading import LOCK, read_command, read_history
from genocc.searchers.topologies import part as module
from genocc.searchers.topologies.config import RankingConfig, load_parts
from genocc.searchers.topologies.part import (
    MOST,
    RANK_PART,
    Part,
    divided,
    is_part,
    part_folders,
    read_accuracies,
    run_part,
)
from genocc.searchers.topologies.topologies import name_of, topologies
from genocc.training.config import TrainConfig

CONFIG = RankingConfig(training=TrainConfig.make("quick", data={"name": "fake", "size": 8}))
THREE = tuple(topologies()[:3])
NAMES = [name_of(topology) for topology in THREE]


class Fits:
    """Stands in for training; notes what is trained, and where."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int, str]] = []
        self.broken: set[str] = set()

    def __call__(self, genotype: Genotype, config: TrainConfig, *, data: DataSet, device: str) -> Any:
        assert config == CONFIG.of_each()
        reduction = {edge.op for node in genotype.cells["reduction"].nodes for edge in node}
        self.seen.append((genotype.name, device, torch.get_num_threads(), *reduction))
        if genotype.name in self.broken:
            raise RunError(f"{genotype.name}: losses or weights are no longer finite")
        return SimpleNamespace(top1=0.25)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    found = Fits()
    monkeypatch.setattr(module, "fit", found)
    monkeypatch.setattr(module, "choose_device", torch.device)
    return found


@pytest.fixture
def part(tmp_path: Path) -> Part:
    found = Part(tmp_path / "parts" / "normal-0", CONFIG, "normal", THREE)
    found.begin(load_parts(CONFIG))
    return found


def test_it_trains_what_its_history_lacks_on_one_thread_of_the_device_that_is_named(part: Part, fits: Fits) -> None:
    with open(part.folder / "history.jsonl", "w", encoding="utf-8") as stream:
        stream.write(json.dumps({"phase": "normal", "name": NAMES[0], "accuracy": 0.75}) + '\n{"phase": "no')
    run_part(part.folder, device="cuda")
    assert fits.seen == [(name, "cuda", 1, "max_pool_3x3") for name in NAMES[1:]]
    its = read_history(part.folder)[-1]["run"]
    assert read_accuracies(part.folder, its) == {
        ("normal", name): value for name, value in zip(NAMES, (0.75, 0.25, 0.25), strict=True)
    }
    run_part(part.folder)
    assert len(fits.seen) == 2
    with pytest.raises(RunError, match="line 2: is of a ranking with other settings or images"):
        read_accuracies(part.folder, "0" * 16)


def test_a_training_that_fails_is_reported_when_the_others_have_ended(part: Part, fits: Fits) -> None:
    fits.broken = {NAMES[0], NAMES[1]}
    with pytest.raises(RunError, match=rf"{NAMES[0]}: .* no longer finite \(and 1 more of 3\)"):
        run_part(part.folder)
    assert [line["name"] for line in read_history(part.folder)] == NAMES[2:]


def test_its_configuration_says_all(part: Part, tmp_path: Path) -> None:
    assert Part.read(part.folder) == part
    assert read_command(part.folder) == RANK_PART
    assert is_part(part.folder)
    assert not is_part(tmp_path)
    assert part.job("cuda").arguments == ("rank-topologies", "--out", str(part.folder), "--device", "cuda")
    assert part_folders(tmp_path, "normal") == [part.folder]
    assert part_folders(tmp_path, "both") == []
    content = json.loads((part.folder / "config.json").read_text())
    content["config"]["phase"] = "third"
    (part.folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"config.json: not the configuration of a part"):
        run_part(part.folder)


def test_one_that_an_engine_still_has_is_not_touched(part: Part) -> None:
    with FileLock(part.folder / LOCK):
        part.begin(load_parts(CONFIG))


def test_data_that_have_moved_are_noted(part: Part) -> None:
    training = TrainConfig.make("quick", data={"name": "fake", "size": 8, "folder": "elsewhere"})
    moved = Part(part.folder, RankingConfig(training=training), part.phase, part.topologies)
    moved.begin(load_parts(CONFIG))
    assert Part.read(part.folder) == moved
    other = Part(part.folder, CONFIG, "both", part.topologies)
    with pytest.raises(RunError, match='phase is "normal", not "both"'):
        other.begin(load_parts(CONFIG))


def test_a_history_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(RunError, match=r"history.jsonl: line 1: expected phase, name and accuracy of a topology"):
        read_accuracies(tmp_path, "")


@pytest.mark.parametrize(
    ("tasks", "width", "sizes"),
    [
        (180, 2, [18] * 10),
        (20, 2, [10, 10]),
        (20, 8, [2, 3, 2, 3, 2, 3, 2, 3]),
        (3, 8, [1, 1, 1]),
        (3, None, [1, 1, 1]),
        (0, 2, []),
    ],
)
def test_tasks_are_divided_evenly(tasks: int, width: int | None, sizes: list[int]) -> None:
    found = divided(range(tasks), width)
    assert [len(part) for part in found] == sizes
    assert [task for part in found for task in part] == list(range(tasks))
    assert max(sizes, default=0) <= MOST
