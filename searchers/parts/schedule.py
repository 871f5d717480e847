"""Schedule: which step comes when. An epoch is a few phases, each of them a number of equal steps.

`epoch_phases` is the schedule of all methods; `alternating_step` is DARTS'. What the steps do is in `bilevel`, the loop
that takes them in `genocc.runs.loop`. A phase is data: a checkpoint needs no more than (epoch, phase, step) of it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from genocc.configuration import Epochs, Part, refuse
from genocc.runs.loop import Phase

from ..interface import BilevelSteps


class ScheduleConfig(Part):
    """Order of the updates: what moves when, on which half of the data, through which view.

    Attributes:
        epochs: Of the whole search (DARTS, PC-DARTS 4.2, EnTranNAS 4.2: 50; EC-DARTS 5.3: 25).
        batch_size: Images per step, of either kind (DARTS, EC-DARTS 5.3: 64; PC-DARTS 4.2: 256; EnTranNAS 4.2: 512; on
            ImageNet 1,024).
        order: 1, or 2 for DARTS' second-order architecture gradient (eDARTS IV-B uses 2).
        warmup: Fraction of the epochs without architecture steps (PC-DARTS 4.2: 15 of 50; 4.3: 35 of 50).
        architecture_steps: ``batch``: one before each weight step; ``epoch``: one at the end of each epoch (eDARTS
            III-C, "sparse update").
        ist: Whether Induced Structural Transition wraps the epochs (EC-DARTS 4.2, Algorithm 1).
        auxiliary_coefficients: What multiplies the operations of IST's auxiliary model: ``weights`` (alpha*) or
            ``ones``; the paper allows both readings.
        architecture_view: Through what IST's architecture steps go: ``full``, the mixed net that holds the auxiliary
            weights (Eq. 6), or ``auxiliary``, the derived one.
    """

    epochs: Epochs = 50
    batch_size: int = Field(default=64, ge=2)
    order: Literal[1, 2] = 1
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    architecture_steps: Literal["batch", "epoch"] = "batch"
    ist: bool = False
    auxiliary_coefficients: Literal["ones", "weights"] = "weights"
    architecture_view: Literal["full", "auxiliary"] = "full"

    @field_validator("order", mode="before")
    @classmethod
    def _number(cls, order: object) -> object:
        return int(order) if order in ("1", "2") else order

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        if self.ist and self.order == 2:
            refuse(
                "schedule.order=2 with schedule.ist=true: the second order steps virtually from the weights that the "
                "next weight step will change, and IST's architecture steps come after all weight steps of the epoch; "
                "use schedule.order=1"
            )
        if self.ist and self.architecture_steps == "epoch":
            refuse(
                "schedule.architecture_steps=epoch with schedule.ist=true: Algorithm 1 has an architecture phase of "
                "its own over the validation half; use schedule.architecture_steps=batch"
            )
        return self


def epoch_phases(
    schedule: ScheduleConfig, epoch: int, weight_steps: int, architecture_steps: int
) -> list[Phase[BilevelSteps]]:
    """Returns the phases of an epoch.

    Args:
        schedule: Of the search.
        epoch: From 0.
        weight_steps: Batches in the training half.
        architecture_steps: Batches in the validation half.
    """
    moving = epoch >= round(schedule.warmup * schedule.epochs)
    if schedule.ist:
        return _transition(schedule, moving, weight_steps, architecture_steps)
    if not moving:
        return [Phase("warm-up", weight_steps, weight_step)]
    if schedule.architecture_steps == "epoch":
        return [Phase("weights", weight_steps, weight_step), Phase("architecture", 1, architecture_step)]
    return [Phase("search", weight_steps, alternating_step)]


def alternating_step(search: BilevelSteps) -> None:
    """Takes a step of the architecture, then one of the weights (DARTS, Algorithm 1)."""
    search.architecture_step()
    search.weight_step()


def weight_step(search: BilevelSteps) -> None:
    """Takes a step of the weights alone."""
    search.weight_step()


def architecture_step(search: BilevelSteps) -> None:
    """Takes a step of the architecture alone."""
    search.architecture_step()


def _transition(
    schedule: ScheduleConfig, moving: bool, weight_steps: int, architecture_steps: int
) -> list[Phase[BilevelSteps]]:
    """EC-DARTS, Algorithm 1; the auxiliary model shares w, so that keeping its steps means doing nothing."""
    auxiliary = schedule.architecture_view == "auxiliary"
    phases = [
        Phase("one-shot", weight_steps, weight_step),
        Phase("derive", 1, lambda search: search.begin_transition()),
        Phase("auxiliary", weight_steps, lambda search: search.weight_step(auxiliary=True)),
        Phase("judge", 1, lambda search: search.judge_transition()),
        Phase("architecture", architecture_steps, lambda search: search.architecture_step(auxiliary=auxiliary)),
        Phase("keep or return", 1, lambda search: search.keep_if_best()),
    ]
    return phases if moving else [phase for phase in phases if phase.name != "architecture"]
