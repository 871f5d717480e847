"""Schedule: which step comes when. An epoch is a few phases, each of them a number of equal steps.

`AlternatingSchedule.phases` is the schedule of all methods; `alternating_step` is DARTS'. What the steps do is in
`bilevel`, the loop that takes them in `genocc.runs.loop`. A phase is data: a checkpoint needs no more than (epoch,
phase, step) of it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from genocc.configuration import Epochs, refuse
from genocc.runs.loop import Phase

from ..interface import BilevelSteps, CellSpace, Coefficients, DerivedCoefficients, Masks
from ..registry import Composition, OpenPart


@dataclass(frozen=True)
class Stage:
    """A part of the search with a super-net of its own (P-DARTS).

    Attributes:
        epochs: How many.
        settings: Changes of the configuration in this stage, as nested mappings: ``{"supernet": {"layers": 11}}``.
            Images, batch size, space and topology stay.
        carry: Whether the architecture parameters go on with the values of the stage before; else they begin anew, as
            the weights do.
        continues: Whether w, both optimizers, annealing and learning rates go on as well, as if there were one stage; a
            tensor that is larger than before is filled with copies of its channels (`genocc.searchers.growing`).
    """

    epochs: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    carry: bool = True
    continues: bool = False


class Schedule(OpenPart):
    """Order of the updates: what moves when, on which half of the data, through which view.

    Attributes:
        epochs: Of the whole search (DARTS, PC-DARTS 4.2, EnTranNAS 4.2: 50; EC-DARTS 5.3: 25).
        batch_size: Images per step, of either kind (DARTS, EC-DARTS 5.3: 64; PC-DARTS 4.2: 256; EnTranNAS 4.2: 512; on
            ImageNet 1,024).
        order: 1, or 2 for DARTS' second-order architecture gradient (eDARTS IV-B uses 2).
        auxiliary_coefficients: What multiplies the operations of IST's auxiliary model: ``weights`` (alpha*) or
            ``ones``; the paper allows both readings.
    """

    trains: ClassVar[bool] = True
    """Whether there is a super-net; without, the derivation is asked once, of the relaxation as it begins."""

    kind: ClassVar[str] = "schedule"
    group: ClassVar[str] = "genocc.schedules"
    usual: ClassVar[str] = "alternating"

    epochs: Epochs = 50
    batch_size: int = Field(default=64, ge=2)
    order: Literal[1, 2] = 1
    auxiliary_coefficients: DerivedCoefficients = "weights"

    @abstractmethod
    def phases(self, epoch: int, weight_steps: int, architecture_steps: int) -> list[Phase[BilevelSteps]]:
        """Returns the phases of an epoch.

        Args:
            epoch: From 0; of its stage, where there are several.
            weight_steps: Batches in the training half.
            architecture_steps: Batches in the validation half.
        """

    def stages(self, config: Composition) -> tuple[Stage, ...]:
        """Returns the stages of the search, in order; their epochs sum to ``epochs``.

        At its beginning each stage gets a new super-net, and new optimizers; its learning rates, annealing and warm-up
        run over its own epochs. Where it ``continues`` the one before, only the warm-up does.

        Args:
            config: The whole search, whose settings a stage may build upon: a number of layers more.
        """
        return (Stage(self.epochs),)

    def candidates(
        self, stage: int, spaces: Mapping[str, CellSpace], coefficients: Mapping[str, Coefficients]
    ) -> Masks:
        """Returns the mask (E, K), bool, of the operations that go on to compete, of each kind of cell.

        Args:
            stage: Number of the stage that begins, from 1.
            spaces: Kind of cell -> its edges and operations in the stage that ends.
            coefficients: At the end of that, never random.
        """
        return {kind: space.candidate_mask(coefficients[kind].op.device) for kind, space in spaces.items()}

    @field_validator("order", mode="before")
    @classmethod
    def _number(cls, order: object) -> object:
        return int(order) if order in ("1", "2") else order


class AlternatingSchedule(Schedule):
    """A step of the architecture, then one of the weights, per batch (DARTS); variants of it by its settings.

    Attributes:
        warmup: Fraction of the epochs without architecture steps (PC-DARTS 4.2: 15 of 50; 4.3: 35 of 50).
        architecture_steps: ``batch``: one before each weight step; ``epoch``: one at the end of each epoch (eDARTS
            III-C, "sparse update").
        ist: Whether Induced Structural Transition wraps the epochs (EC-DARTS 4.2, Algorithm 1).
        architecture_view: Through what IST's architecture steps go: ``full``, the mixed net that holds the auxiliary
            weights (Eq. 6), or ``auxiliary``, the derived one.
    """

    name: Literal["alternating"] = "alternating"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    architecture_steps: Literal["batch", "epoch"] = "batch"
    ist: bool = False
    architecture_view: Literal["full", "auxiliary"] = "full"

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

    def phases(self, epoch: int, weight_steps: int, architecture_steps: int) -> list[Phase[BilevelSteps]]:
        moving = epoch >= round(self.warmup * self.epochs)
        if self.ist:
            return self._transition(moving, weight_steps, architecture_steps)
        if moving and self.architecture_steps == "epoch":
            return [Phase("weights", weight_steps, weight_step), Phase("architecture", 1, architecture_step)]
        return [alternation(moving, weight_steps)]

    def _transition(self, moving: bool, weight_steps: int, architecture_steps: int) -> list[Phase[BilevelSteps]]:
        """EC-DARTS, Algorithm 1; the auxiliary model shares w, so that keeping its steps means doing nothing."""
        auxiliary = self.architecture_view == "auxiliary"
        phases = [
            Phase("one-shot", weight_steps, weight_step),
            Phase("derive", 1, lambda search: search.begin_transition()),
            Phase("auxiliary", weight_steps, lambda search: search.weight_step(auxiliary=True)),
            Phase("judge", 1, lambda search: search.judge_transition()),
            Phase("architecture", architecture_steps, lambda search: search.architecture_step(auxiliary=auxiliary)),
            Phase("keep or return", 1, lambda search: search.keep_if_best()),
        ]
        return phases if moving else [phase for phase in phases if phase.name != "architecture"]


def alternation(moving: bool, weight_steps: int) -> Phase[BilevelSteps]:
    """Returns the one phase of DARTS' epochs, or that of a warm-up, in which the architecture does not move yet."""
    if not moving:
        return Phase("warm-up", weight_steps, weight_step)
    return Phase("search", weight_steps, alternating_step)


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
