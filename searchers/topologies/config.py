"""The settings of a ranking of topologies, and the images that its nets are trained on and ranked by."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from pydantic import Field, model_validator

from genocc.configuration import Configuration, ImageCount, refuse
from genocc.data import DataSet
from genocc.data.settings import load_data
from genocc.training.config import TrainConfig
from genocc.training.trainer import training_parts

from .topologies import topologies


class RankingConfig(Configuration):
    """Everything needed to repeat a ranking.

    Attributes:
        sample: How many of the 180 topologies, chosen at random; None: all.
        top: How many of the first phase enter the second (eDARTS IV-D: 20).
        validation: Training images that accuracies are measured on instead of training: a share up to 1, or a number.
        training: How each net is trained, on the other images; eDARTS' is the preset ``shallow``.
    """

    what: ClassVar[str] = "ranking configuration"
    chosen: ClassVar[tuple[str, ...]] = ("sample", "top", "validation")

    sample: int | None = Field(default=None, ge=2, le=len(topologies()))
    top: int = Field(default=20, ge=1)
    validation: ImageCount = 0.2
    training: TrainConfig

    @model_validator(mode="after")
    def _one_validation(self) -> Self:
        if self.training.data.validation is not None:
            refuse("data.validation: a ranking measures all its trainings on the images of --validation; leave it out")
        return self

    def of_each(self) -> TrainConfig:
        """Returns the configuration of each training, of which `load_parts` has divided the images already."""
        whole = self.training.data.model_copy(update={"training": 1.0})
        return self.training.model_copy(update={"data": whole})


def load_parts(config: RankingConfig, *, resume: bool = False) -> DataSet:
    """Returns the data set with two disjoint parts of its training images: ``train``, and ``test`` to rank by.

    They are those of a training with this ``data.training`` and ``data.validation``; nets train on all of ``train``.

    Args:
        config: Which, and how it is divided.
        resume: As in `load_data`.

    Raises:
        DataError: The images cannot be used, or there are too few.
    """
    wanted = config.training.data
    data = load_data(wanted, resume=resume)
    divided = wanted.model_copy(update={"validation": config.validation})
    training, held_out = training_parts(data, divided)
    assert held_out is not None, "config.validation is a number"
    return replace(data, train=training, test=held_out)
