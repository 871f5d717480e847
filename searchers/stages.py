"""Stages: a search whose super-net is rebuilt on the way, with fewer candidates, more cells (P-DARTS).

Most schedules have one stage. Where there are several, each begins with a new net of its own configuration, among the
operations that the schedule has kept; epochs, learning rates and annealing of a stage are counted from its beginning.
A stage that continues the one before takes over its weights, grown where the net has (DrNAS).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genocc.configuration import merged
from genocc.data import Batches
from genocc.errors import ConfigError
from genocc.runs.processes import ALONE, Processes

from .bilevel import Bilevel
from .config import SearchConfig
from .growing import carry_state, carry_weights
from .interface import DataShape, DerivationContext, Masks
from .parts import Schedule
from .supernet.net import SuperNet

CONSTANT = ("seed", "space", "topology", "data", "budget", "derivation")
"""What no stage changes."""


class Stages:
    """The configuration of each stage, and the epochs that it has.

    Args:
        config: The whole search.

    Raises:
        ConfigError: The schedule's stages do not fit together.
    """

    def __init__(self, config: SearchConfig) -> None:
        self.stages = config.schedule.stages(config)
        name, epochs = config.schedule.name, config.schedule.epochs
        if not self.stages or min(stage.epochs for stage in self.stages) < 1:
            raise ConfigError(f"schedule '{name}': every stage needs an epoch; {epochs} are too few for its stages")
        if sum(stage.epochs for stage in self.stages) != epochs:
            raise ConfigError(
                f"schedule '{name}': its stages have {[s.epochs for s in self.stages]} epochs, not {epochs}"
            )
        self.configs = [_of_stage(config, number) for number in range(len(self.stages))]
        self.first = [sum(stage.epochs for stage in self.stages[:number]) for number in range(len(self.stages))]

    def number(self, epoch: int) -> int:
        """Returns the number of the stage that an epoch is in."""
        return max(number for number, first in enumerate(self.first) if first <= max(epoch, 0))

    def span(self, number: int) -> tuple[int, int]:
        """Returns the first epoch, and how many there are, of a stage and those that continue one another with it."""
        begins = [n for n, stage in enumerate(self.stages) if n == 0 or not stage.continues]
        first = max(n for n in begins if n <= number)
        end = min((n for n in begins if n > number), default=len(self.stages))
        return self.first[first], sum(stage.epochs for stage in self.stages[first:end])

    def schedule(self, epoch: int) -> tuple[Schedule, int]:
        """Returns the schedule of the stage that an epoch is in, and the epoch counted from the stage's beginning."""
        number = self.number(epoch)
        return self.configs[number].schedule, epoch - self.first[number]


class StagedBilevel(Bilevel):
    """The steps of a bi-level search, with the super-net of the stage.

    Args:
        config: The whole search.
        data_shape: Sizes of images and classes.
        training: Batches of the half that w is learned on.
        validation: Batches of the half that the architecture is learned on.
        processes: Those that share each batch.

    Attributes:
        stages: Configurations and epochs of the stages.
        stage: Number of the stage.
        candidates: Kind of cell -> mask (E, K) of the operations that compete in it; None in the first: all.
    """

    net: SuperNet

    def __init__(
        self,
        config: SearchConfig,
        data_shape: DataShape,
        training: Batches,
        validation: Batches,
        processes: Processes = ALONE,
    ) -> None:
        self.stages, self.data_shape = Stages(config), data_shape
        self.stage = 0
        self.candidates: Masks | None = None
        net = self._made(0, None, training, processes)
        super().__init__(net, self.stages.configs[0], training, validation, processes)
        self._look()

    def begin_epoch(self, epoch: int) -> None:
        number = self.stages.number(epoch)
        if number != self.stage:
            self._begin_stage(number)
        first, epochs = self.stages.span(number)
        self._set_progress(epoch - first, epochs)

    def numbers(self) -> dict[str, Any]:
        own = {"stage": self.stage + 1} if len(self.stages.stages) > 1 else {}
        return {**own, **super().numbers()}

    def state(self) -> dict[str, Any]:
        own = {"stage": {"number": self.stage, "candidates": self.candidates}} if len(self.stages.stages) > 1 else {}
        return {**super().state(), **own}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if len(self.stages.stages) > 1:
            number, candidates = state["stage"]["number"], state["stage"]["candidates"]
            if type(number) is not int or not 0 <= number < len(self.stages.stages):
                raise ValueError(f"stage {number}")
            self._enter(number, candidates)
        super().load_state(state)

    def _begin_stage(self, number: int) -> None:
        """Builds the net of a stage from the architecture at the end of the one before."""
        schedule, before = self.stages.configs[number].schedule, self.net
        optimizers = self.weights_optimizer, self.architecture_optimizer
        kept = schedule.candidates(number, before.spaces, before.frozen())
        self._enter(number, {kind: mask.cpu() for kind, mask in kept.items()})
        if self.stages.stages[number].carry:
            self.net.relaxation.load_state_dict(before.relaxation.state_dict())
        if self.stages.stages[number].continues:
            carry_weights(before, self.net)
            for old, new in zip(optimizers, (self.weights_optimizer, self.architecture_optimizer), strict=True):
                carry_state(before, old, self.net, new)

    def _enter(self, number: int, candidates: Masks | None) -> None:
        """Replaces net and optimizers by new ones of a stage; what has been drawn from the data goes on."""
        self.stage, self.candidates = number, candidates
        self.config = self.stages.configs[number]
        self.net = self._made(number, candidates, self.training, self.processes)
        self.weights_optimizer = self.config.weights.optimizer(self.net.weight_parameters())
        self.architecture_optimizer = self.config.architecture.optimizer(self.net.architecture_parameters())
        self._look()

    def _made(self, number: int, candidates: Masks | None, training: Batches, processes: Processes) -> SuperNet:
        return SuperNet(self.stages.configs[number], self.data_shape, candidates, processes).to(training.device)

    def _look(self) -> None:
        """Gives the derivation what it may look at."""
        self.net.context = DerivationContext(self.net, self.accuracy, self.validation.whole())


def _of_stage(config: SearchConfig, number: int) -> SearchConfig:
    stages = config.schedule.stages(config)
    if len(stages) == 1 and not stages[0].settings:
        return config
    of_stage = merged({"schedule": {"epochs": stages[number].epochs}}, stages[number].settings)
    if changed := [part for part in CONSTANT if part in of_stage]:
        raise ConfigError(f"schedule '{config.schedule.name}': stage {number} changes {changed[0]}, which no stage may")
    if "batch_size" in of_stage["schedule"]:
        raise ConfigError(
            f"schedule '{config.schedule.name}': stage {number} changes the batch size, which no stage may"
        )
    return SearchConfig.from_dict(SearchConfig.changed(config.model_dump(mode="json"), fields=of_stage))
