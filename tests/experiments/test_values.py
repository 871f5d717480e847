"""The numbers of a run are those of its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import genocc
from genocc.errors import RunError
from genocc.experiments.plan import Plan
from genocc.experiments.values import VALUES, Record, numbers
from genocc.latency.prediction import LATENCY
from genocc.results.run_data import RunData
from genocc.runs.reading import read_history


def test_numbers_of_a_search_and_a_training(finished_experiment: tuple[Plan, Path]) -> None:
    run = finished_experiment[1] / "runs/darts/seed-0"
    found = numbers(Record.of(RunData.read(run / "search")), Record.of(RunData.read(run / "train")))
    assert found.keys() == VALUES.keys()
    history, line = read_history(run / "search"), read_history(run / "search")[-1]
    assert found["search.edges.normal"] == 4
    assert found["search.child_accuracy"] == line["child_accuracy"]
    assert found["search.entropy.reduction"] == line["entropy"]["reduction"]
    assert found["search.auxiliary_accuracy"] == line["validation_accuracy"]
    assert found["search.seconds"] == sum(epoch["seconds"] for epoch in history)
    assert (found["search.epochs"], found["search.gpu_days"]) == (3, 0)
    assert found["train.parameters"] == genocc.count(genocc.open(run / "train")).total.parameters
    assert found["train.last"] == read_history(run / "train")[-1]["test"]["top1"]
    assert found["train.test"] is None


def test_numbers_after_an_epoch(finished_experiment: tuple[Plan, Path]) -> None:
    data = RunData.read(finished_experiment[1] / "runs/darts/seed-0/search")
    found = numbers(Record.of(data, 1), None)
    assert found["search.validation_accuracy"] == data.history[0]["validation_accuracy"]
    assert found["search.parameters"] is None
    assert found["train.last"] is None
    with pytest.raises(RunError, match="has 3 epochs; expected at least 4"):
        Record.of(data, 4)


def test_the_auxiliary_model_s_accuracy_where_there_is_one(finished_experiment: tuple[Plan, Path]) -> None:
    data = RunData.read(finished_experiment[1] / "runs/darts/seed-0/search")
    line = {**data.history[-1], "auxiliary": {"validation_accuracy": 0.25}}
    assert numbers(Record(data, line, data.costs, True), None)["search.auxiliary_accuracy"] == 0.25


def test_a_predicted_latency_where_the_search_says_one(finished_experiment: tuple[Plan, Path]) -> None:
    data = RunData.read(finished_experiment[1] / "runs/darts/seed-0/search")
    assert numbers(Record.of(data), None)["search.latency"] is None
    assert data.genotype
    said = replace(data, genotype=data.genotype.model_copy(update={"metadata": {LATENCY: 0.004}}))
    assert numbers(Record.of(said), None)["search.latency"] == 0.004
    assert numbers(Record.of(said, 1), None)["search.latency"] is None, "of an epoch, nothing was predicted"
