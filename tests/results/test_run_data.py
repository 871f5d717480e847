"""Runs as reports show them: finished or not, of several seeds, with counts of the right net or the reason for none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genocc.counting import count
from genocc.errors import RunError
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.results.run_data import RunData
from genocc.runs.reading import CONFIG, HISTORY, RUN_GENOTYPE, SEARCH_SEEDS
from tests.exporters.runs import write_search, write_training
from tests.training.tiny import GENOTYPE

TARGET = {"channels": 8, "layers": 5}


def test_a_finished_search_is_counted_at_its_budgets_net_with_its_own_images(tmp_path: Path) -> None:
    genotype = write_search(tmp_path)
    data = RunData.read(tmp_path)
    assert (data.command, data.finished, data.planned, len(data.history)) == ("search", True, 4, 4)
    assert (data.genotype, data.name, data.seconds) == (genotype, "made", 8.0)
    expected = count(genotype, NetworkConfig.make(**TARGET, classes=10, input_size=(16, 16)))
    assert (data.counts, data.no_counts, data.seeds) == (expected, "", ())


def test_an_unfinished_search_shows_what_its_last_epoch_derives(tmp_path: Path) -> None:
    genotype = write_search(tmp_path, finished=False)
    data = RunData.read(tmp_path)
    assert (data.finished, data.planned) == (False, 7)
    assert data.genotype == genotype
    assert data.counts == count(genotype, NetworkConfig.make(**TARGET))  # older versions noted images at the end
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    lines[-1]["genotype"]["metadata"] = {"images": {"name": "fake", "classes": 3, "channels": 1, "size": [16, 16]}}
    (tmp_path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    expected = NetworkConfig.make(**TARGET, classes=3, input_channels=1, input_size=(16, 16))
    assert RunData.read(tmp_path).counts == count(genotype, expected)
    lines[-1]["genotype"]["metadata"]["images"] = {"size": 3}
    (tmp_path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert RunData.read(tmp_path).no_counts.startswith(f"{tmp_path / HISTORY}: $.metadata.images is not what")


def test_images_that_were_changed_are_the_reason_for_no_counts(tmp_path: Path) -> None:
    genotype = write_search(tmp_path)
    genotype = genotype.model_copy(update={"metadata": {"images": {"size": 3}}})
    (tmp_path / RUN_GENOTYPE).write_text(genotype.dumps())
    data = RunData.read(tmp_path)
    assert data.counts is None
    assert data.no_counts.endswith("genotype.json: $.metadata.images is not what the search wrote; was it changed?")


def test_cells_without_a_place_in_the_skeleton_are_the_reason_for_no_counts(tmp_path: Path) -> None:
    cell = {"inputs": 1, "nodes": [[{"op": "conv_3x3", "from": 0}]], "concat": [1]}
    single = Genotype.from_dict({"name": "single", "cells": {"normal": cell}})
    write_training(tmp_path, single)
    data = RunData.read(tmp_path)
    assert data.counts is None
    assert data.no_counts


def test_a_training_without_weights_is_counted_as_configured(tmp_path: Path) -> None:
    write_training(tmp_path, GENOTYPE)
    data = RunData.read(tmp_path)
    assert (data.command, data.finished, data.planned, data.genotype) == ("train", False, None, GENOTYPE)
    assert data.counts == count(GENOTYPE, NetworkConfig.make(**TARGET))


def test_a_training_with_weights_is_counted_as_they_say(training_run: Path) -> None:
    data = RunData.read(training_run)
    assert (data.finished, data.planned) == (True, 3)
    assert data.counts == count(GENOTYPE, NetworkConfig.make(channels=4, layers=3, classes=10, input_size=(8, 8)))


def test_a_history_that_was_cut_is_not_finished_and_its_time_not_known(tmp_path: Path) -> None:
    write_search(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()][:3]
    del lines[1]["seconds"]
    (tmp_path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    data = RunData.read(tmp_path)
    assert not data.finished
    assert data.seconds is None


def seeds(folder: Path, accuracies: dict[int, float], *, asked: int) -> None:
    """Writes a folder of searches, of which as many have begun as there are accuracies."""
    config = {"seeds": asked, "search": {"seed": 5}}
    (folder / CONFIG).write_text(json.dumps({"command": SEARCH_SEEDS, "genocc": "0.1.0", "config": config}))
    for seed, accuracy in accuracies.items():
        write_search(folder / f"seed-{seed}", seed=seed, accuracy=accuracy, name=f"seed {seed}")


def test_of_several_seeds_the_folders_genotype_decides_which_is_reported(tmp_path: Path) -> None:
    seeds(tmp_path, {5: 0.7, 6: 0.9, 7: 0.8}, asked=4)
    running = RunData.read(tmp_path)
    assert (running.path, running.reported, running.finished) == (tmp_path, tmp_path / "seed-6", False)
    assert [(row.name, row.epochs, row.finished, row.reported) for row in running.seeds] == [
        ("seed-5", 4, True, False),
        ("seed-6", 4, True, True),
        ("seed-7", 4, True, False),
    ]
    assert [row.validation_accuracy for row in running.seeds] == pytest.approx([0.7, 0.9, 0.8])
    assert [row.child_accuracy for row in running.seeds] == pytest.approx([0.56, 0.72, 0.64])
    (tmp_path / RUN_GENOTYPE).write_bytes((tmp_path / "seed-7" / RUN_GENOTYPE).read_bytes())
    finished = RunData.read(tmp_path)
    assert (finished.reported.name, finished.finished) == ("seed-7", True)
    (tmp_path / RUN_GENOTYPE).write_text(GENOTYPE.dumps())
    with pytest.raises(RunError, match="the genotype of none of the seeds; was it changed"):
        RunData.read(tmp_path)


def test_a_finished_seed_comes_before_a_better_one_that_is_not(tmp_path: Path) -> None:
    seeds(tmp_path, {5: 0.7}, asked=2)
    write_search(tmp_path / "seed-6", seed=6, accuracy=0.9, finished=False)
    assert RunData.read(tmp_path).reported.name == "seed-5"


def test_a_folder_without_epochs_or_of_another_command_is_refused(tmp_path: Path) -> None:
    seeds(tmp_path, {}, asked=3)
    with pytest.raises(RunError, match="none of its 3 searches has an epoch yet; report it later"):
        RunData.read(tmp_path)
    for config, message in (
        ({"command": SEARCH_SEEDS, "config": {"seeds": 3}}, "config.seeds and config.search.seed are missing"),
        ({"command": "rank-topologies", "config": {}}, "a run of `genocc rank-topologies`; reports are of `search`"),
        ({"command": "search", "config": {}}, r"history.jsonl: no epoch in it yet"),
    ):
        (tmp_path / CONFIG).write_text(json.dumps(config))
        with pytest.raises(RunError, match=message):
            RunData.read(tmp_path)


def test_a_broken_genotype_of_an_epoch_is_named_by_its_line(tmp_path: Path) -> None:
    write_search(tmp_path, finished=False)
    lines = (tmp_path / HISTORY).read_text().splitlines()
    lines[-1] = json.dumps({**json.loads(lines[-1]), "genotype": {"name": "x"}})
    (tmp_path / HISTORY).write_text("\n".join(lines) + "\n")
    with pytest.raises(RunError, match=r"history.jsonl: line 4: "):
        RunData.read(tmp_path)
