"""What happens in an epoch: a few phases, each a number of steps.

A phase is data, so that a run knows where it stands: (epoch, phase, step) is all that a checkpoint needs of it.
"""

from __future__ import annotations

from .bilevel import Bilevel
from .loop import Phase
from .parts import ScheduleConfig


def epoch_phases(
    schedule: ScheduleConfig, epoch: int, weight_steps: int, architecture_steps: int
) -> list[Phase[Bilevel]]:
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


def alternating_step(search: Bilevel) -> None:
    """The architecture first, then the weights: DARTS, Algorithm 1."""
    search.architecture_step()
    search.weight_step()


def weight_step(search: Bilevel) -> None:
    """The weights alone."""
    search.weight_step()


def architecture_step(search: Bilevel) -> None:
    """The architecture alone."""
    search.architecture_step()


def _transition(
    schedule: ScheduleConfig, moving: bool, weight_steps: int, architecture_steps: int
) -> list[Phase[Bilevel]]:
    """EC-DARTS, Algorithm 1: the auxiliary model lives on the shared weights, so keeping it is doing nothing."""
    auxiliary = schedule.architecture_view == "auxiliary"
    phases = [
        Phase("one-shot", weight_steps, weight_step),
        Phase("derive", 1, Bilevel.begin_transition),
        Phase("auxiliary", weight_steps, lambda search: search.weight_step(auxiliary=True)),
        Phase("judge", 1, Bilevel.judge_transition),
        Phase("architecture", architecture_steps, lambda search: search.architecture_step(auxiliary=auxiliary)),
        Phase("keep or return", 1, Bilevel.keep_if_best),
    ]
    return phases if moving else [phase for phase in phases if phase.name != "architecture"]
