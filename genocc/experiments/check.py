"""Refuses an experiment some of whose jobs could not begin: an unknown setting, a combination without meaning."""

from __future__ import annotations

from genocc.data.settings import data_fields, default_preset
from genocc.errors import ConfigError, GenoccError
from genocc.experiments.model import Column, SearchRuns, TrainRuns
from genocc.experiments.plan import Plan, overrides
from genocc.runs.starting import given
from genocc.source import load


def check(plan: Plan, where: str) -> None:
    """Raises ConfigError where a row's search, training or genotype has no meaning, or a column would stay empty.

    Args:
        plan: The jobs.
        where: The file, for messages.
    """
    for column in plan.experiment.columns:
        if reason := _empty(column, plan):
            raise ConfigError(f"{where}: column '{column.name}', scale {plan.scale}: {reason}")
    for row in plan.rows:
        for kind in ("search", "train", "genotype"):
            try:
                if kind == "search" and row.search is not None:
                    _search(row.search, plan.data)
                elif kind == "train" and row.train is not None:
                    _train(row.train, plan.data)
                elif kind == "genotype" and row.row.genotype is not None:
                    load(row.row.genotype)
            except GenoccError as error:
                message = f"{where}: row '{row.row.name}', scale {plan.scale}: {kind}: {error}"
                raise ConfigError(message) from None


def _empty(column: Column, plan: Plan) -> str:
    """Why no row will have a number in a column; empty where one may have."""
    for value in filter(None, (column.value, column.minus, *(column.kendall or ()))):
        if value.startswith("search.") and not any(row.search for row in plan.rows):
            return f"{value}: no row searches"
        if value.startswith("train.") and not any(row.train for row in plan.rows):
            return f"{value}: no row trains anything; say how with [train]"
        if value == "train.test" and not any(row.train and row.train.validation is not None for row in plan.rows):
            return "train.test needs held-out images in a row: train.validation; else see train.last"
    return ""


def _search(runs: SearchRuns, data: str | None) -> None:
    from genocc.searchers.config import SearchConfig

    fields = given(data=data_fields(data or runs.data), schedule=given(epochs=runs.epochs))
    preset = runs.preset or default_preset(fields.get("data", {}), "cifar")
    SearchConfig.make(runs.method or "", preset, overrides(runs.settings), **fields)


def _train(runs: TrainRuns, data: str | None) -> None:
    from genocc.training.config import TrainConfig

    images = given(**data_fields(data or runs.data), validation=runs.validation)
    fields = given(data=images, schedule=given(epochs=runs.epochs))
    preset = runs.preset or default_preset(images, "cifar")
    TrainConfig.make(preset, overrides(runs.settings), **fields)
