"""The steps of a bi-level search: w descends on the training half, the architecture on the validation half.

DARTS' problem (Eqs. 3-4 there; PC-DARTS 2, EC-DARTS Eq. 3, EnTranNAS Eq. 11): minimise L_val(w*(alpha), alpha) over
alpha, where w*(alpha) minimises L_train(w, alpha). Which step comes when is in `parts.schedule`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genocc.data import Batches
from genocc.data.batches import Batch, derived_seed
from genocc.runs.meter import Meter
from genocc.runs.processes import ALONE, Processes
from genocc.runs.randomness import Randomness
from genocc.training.optimization import (
    all_finite,
    autocast,
    check_kept,
    classification_loss,
    optimizer_state,
    parameter_names,
    restore,
)

from .config import SearchConfig
from .interface import Coefficients, Masks, Route, SearchNet, View
from .parts.child import child_route, reestimated
from .second_order import second_order_gradient


class Bilevel:
    """A super-net with its two optimizers and its two halves of the data.

    Args:
        net: The super-net.
        config: The search.
        training: Batches of the half that w is learned on.
        validation: Batches of the half that the architecture is learned on.
        processes: Those that share each batch: these batches are this process's shares.

    Attributes:
        meters: Losses and accuracies of the epoch so far, by kind of step: ``weights`` (one-shot weight steps),
            ``architecture``, ``auxiliary`` (weight steps of EC-DARTS' auxiliary model).
        transition: EC-DARTS' auxiliary model, from its derivation to the end of the epoch.
        best_auxiliary_accuracy: The highest validation accuracy of an auxiliary model so far.
    """

    def __init__(
        self,
        net: SearchNet,
        config: SearchConfig,
        training: Batches,
        validation: Batches,
        processes: Processes = ALONE,
    ) -> None:
        self.net, self.config, self.processes = net, config, processes
        self.training, self.validation = training, validation
        self.weights_optimizer = config.weights.optimizer(net.weight_parameters())
        self.architecture_optimizer = config.architecture.optimizer(net.architecture_parameters())
        self._drawn = {"training": 0, "validation": 0}
        self.meters = {name: Meter(training.device) for name in ("weights", "architecture", "auxiliary")}
        self.transition: Transition | None = None
        self.best_auxiliary_accuracy = -math.inf

    def begin_epoch(self, epoch: int) -> None:
        """Sets the progress that annealing follows, and the learning rate of w."""
        self._set_progress(epoch, self.config.schedule.epochs)

    def _set_progress(self, epoch: int, epochs: int) -> None:
        self.net.progress = epoch / epochs
        for group in self.weights_optimizer.param_groups:
            group["lr"] = self.config.weights.rate(epoch, epochs)

    def end_epoch(self) -> None:
        """Clears the meters, and drops the auxiliary model."""
        for meter in self.meters.values():
            meter.clear()
        self.transition = None

    def numbers(self) -> dict[str, Any]:
        """Returns losses, accuracies, penalties and learning rates of the epoch so far, as plain data."""
        read = {name: meter.read(self.processes.summed) for name, meter in self.meters.items()}
        with torch.no_grad():
            read["architecture"] |= {name: float(value) for name, value in self.net.penalties().items()}
        if self.transition:
            read["auxiliary"] |= {"validation_accuracy": self.transition.accuracy, "kept": self.transition.kept}
        seen = {name: numbers for name, numbers in read.items() if numbers}
        optimizers = {"weights": self.weights_optimizer, "architecture": self.architecture_optimizer}
        rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in optimizers.items()}
        return {"learning_rates": rates, **seen}

    def finite(self) -> bool:
        """Whether the losses of the epoch so far are finite; waits for the device."""
        return all_finite(meter.sums for meter in self.meters.values())

    def finite_everywhere(self) -> bool:
        """Whether the losses and all tensors of the net are finite."""
        return self.finite() and all_finite(self.net.state_dict().values())

    def weight_step(self, *, auxiliary: bool = False) -> None:
        """Takes a step of w on a batch of the training half, through the one-shot or the auxiliary model."""
        images, labels = self._next(self.training, "training")
        self._clear_gradients()
        with self.net.training_only("weights"), self.net.drawing(self._steps):
            meter = self.meters["auxiliary" if auxiliary else "weights"]
            route = self._auxiliary_route() if auxiliary else None
            torch.autograd.backward(self._loss(images, labels, route, meter))
        self.processes.average_gradients(self.net.weight_parameters())
        self.config.weights.clip_gradients(self.net.weight_parameters())
        self.weights_optimizer.step()

    def architecture_step(self, *, auxiliary: bool = False) -> None:
        """Takes a step of alpha and beta on a batch of the validation half, of first or second order."""
        images, labels = self._next(self.validation, "validation")
        self._clear_gradients()
        if self.config.schedule.order == 2:
            coming = self.training[self._drawn["training"]]  # the virtual step is on the batch of the next weight step
            with self.net.drawing(self._steps):  # one draw for all its passes
                second_order_gradient(
                    self.net,
                    validation_loss=lambda: self._architecture_loss(images, labels, None),
                    training_loss=lambda: self._loss(*coming),
                    optimizer=self.weights_optimizer,
                    processes=self.processes,
                )
        else:
            with self.net.training_only("architecture"), self.net.drawing(self._steps):
                masks = self._transition.masks if auxiliary else None
                route = self.net.route(View.DERIVED, masks=masks, derived="weights") if auxiliary else None
                loss = self._architecture_loss(images, labels, route)
                if loss.requires_grad:  # not where all that leads to the logits has drawn `none`
                    torch.autograd.backward(loss)
            self.processes.average_gradients(self.net.architecture_parameters())
        self.architecture_optimizer.step()

    def begin_transition(self) -> None:
        """Derives and freezes alpha*, and takes a snapshot of w for a possible rollback (Algorithm 1, lines 4-5)."""
        self.transition = Transition(
            masks=self.net.select(),
            coefficients=self.net.frozen(),
            weights=self.net.weight_state(),
            optimizer=deepcopy(optimizer_state(self.weights_optimizer)),
        )

    def judge_transition(self) -> None:
        """Measures the auxiliary model's accuracy on the validation half (Algorithm 1, line 7)."""
        route = self._auxiliary_route()
        with self._reestimated(route):
            self._transition.accuracy = self.accuracy(route)

    def keep_if_best(self) -> None:
        """Keeps the auxiliary steps if their accuracy is the best so far, else rolls w back (lines 8-10)."""
        transition = self._transition
        transition.kept = transition.accuracy > self.best_auxiliary_accuracy
        if transition.kept:
            self.best_auxiliary_accuracy = transition.accuracy
        else:
            self.net.load_weight_state(transition.weights)
            self.weights_optimizer.load_state_dict(transition.optimizer)

    def child_accuracy(self, images: int | None = None) -> dict[str, float]:
        """Returns the accuracy of the child net, and with the BN statistics that the super-net's steps have left.

        Args:
            images: As in `accuracy`.
        """
        route = child_route(self.net, self.config.child)
        stale = self.accuracy(route, images)
        with self._reestimated(route):
            return {"child_accuracy": self.accuracy(route, images), "child_accuracy_stale": stale}

    @torch.no_grad()
    def accuracy(self, route: Route | None = None, images: int | None = None) -> float:
        """Returns the share of validation images that are classified correctly.

        Args:
            route: What is evaluated; the one-shot model where not given.
            images: How many of them, evenly spaced; all where not given.
        """
        self.net.eval()
        correct = torch.zeros((), dtype=torch.int64, device=self.validation.device)
        mine = slice(self.processes.rank, None, self.processes.count)
        for x, labels in self.validation.in_order(self.config.schedule.batch_size, images, mine):
            with self._precision():
                correct += (self.net(x, route).argmax(1) == labels).sum()
        self.net.train()
        number = len(self.validation.images)
        return int(self.processes.summed(correct)) / min(images or number, number)

    def state(self) -> dict[str, Any]:
        """Returns everything that the next step depends on, as tensors and plain data."""
        return {
            "net": self.net.state_dict(),
            "weights_optimizer": optimizer_state(self.weights_optimizer),
            "architecture_optimizer": optimizer_state(self.architecture_optimizer),
            "drawn": dict(self._drawn),
            "meters": {name: self.processes.summed(meter.sums) for name, meter in self.meters.items()},
            "transition": self.transition.state() if self.transition else None,
            "best_auxiliary_accuracy": self.best_auxiliary_accuracy,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Puts a `state` back."""
        self.net.load_state_dict(state["net"])
        named = dict(self.net.named_parameters())
        restore(self.weights_optimizer, state["weights_optimizer"], named)
        restore(self.architecture_optimizer, state["architecture_optimizer"], named)
        drawn = {half: state["drawn"][half] for half in self._drawn}
        if not all(type(number) is int and number >= 0 for number in drawn.values()):
            raise ValueError(f"batches drawn: {drawn}")
        self._drawn = drawn
        for name, meter in self.meters.items():
            sums = state["meters"][name]
            meter.sums.copy_(sums if self.processes.first else torch.zeros_like(sums))
        found = state["transition"]
        if found:
            check_kept(found["optimizer"], parameter_names(self.weights_optimizer, named))
        self.transition = Transition.from_state(found, self.training.device) if found else None
        self.best_auxiliary_accuracy = float(state["best_auxiliary_accuracy"])

    @contextmanager
    def _reestimated(self, route: Route) -> Iterator[None]:
        """Within the context, BN has the statistics of a route on the training half.

        The batches are a stream of their own, the same in every epoch, and so is what a route might draw: no step that
        follows sees another batch, or other numbers, than it would have seen.
        """
        batches = self.training.stream_of("child")
        images = (batches[number][0] for number in range(min(self.config.child.batches, len(batches))))

        def forward(batch: Tensor) -> None:
            with self._precision():
                self.net(batch, route)

        drawn = Randomness(derived_seed(self.config.seed, "child"), self.training.device)
        with drawn.borrowed(), reestimated(self.net, forward, images):
            yield

    @property
    def _steps(self) -> int:
        """Number of the step, of either kind: each takes one batch."""
        return sum(self._drawn.values())

    def _next(self, batches: Batches, half: str) -> Batch:
        batch = batches[self._drawn[half]]
        self._drawn[half] += 1
        return batch

    def _clear_gradients(self) -> None:
        # to None, not zero: momentum and decay must not move parameters that a step does not use
        self.weights_optimizer.zero_grad(set_to_none=True)
        self.architecture_optimizer.zero_grad(set_to_none=True)

    def _loss(self, images: Tensor, labels: Tensor, route: Route | None = None, meter: Meter | None = None) -> Tensor:
        with self._precision():
            logits = self.net(images, route)
        loss = classification_loss(logits, labels)
        if meter is not None:
            meter.add(loss, logits, labels)
        return loss

    def _architecture_loss(self, images: Tensor, labels: Tensor, route: Route | None) -> Tensor:
        loss = self._loss(images, labels, route, self.meters["architecture"])
        return sum(self.net.penalties().values(), start=loss)

    def _auxiliary_route(self) -> Route:
        transition = self._transition
        return self.net.route(
            View.DERIVED,
            masks=transition.masks,
            coefficients=transition.coefficients,
            derived=self.config.schedule.auxiliary_coefficients,
        )

    @property
    def _transition(self) -> Transition:
        assert self.transition is not None, "the schedule derives the auxiliary model before it uses it"
        return self.transition

    def _precision(self) -> AbstractContextManager[Any]:
        return autocast(self.config.supernet.precision, self.training.device)


@dataclass
class Transition:
    """EC-DARTS' induced structural transition within an epoch (4.2, Algorithm 1).

    Attributes:
        masks: The edges and operations of the auxiliary model.
        coefficients: alpha*, the coefficients at its derivation.
        weights: Snapshot of w and BN statistics before its first step.
        optimizer: Snapshot of w's optimizer, momenta included.
        accuracy: Of the auxiliary model on the validation half; NaN until it is measured.
        kept: Whether w kept its steps.
    """

    masks: Masks
    coefficients: Mapping[str, Coefficients]
    weights: Mapping[str, Tensor]
    optimizer: dict[str, Any]
    accuracy: float = math.nan
    kept: bool = False

    def state(self) -> dict[str, Any]:
        """Returns the attributes as tensors and plain data."""
        numbers = {
            kind: {name: value for name, value in vars(c).items() if value is not None}
            for kind, c in self.coefficients.items()
        }
        return {**vars(self), "coefficients": numbers}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], device: torch.device) -> Transition:
        """Returns the transition of a `state`, its tensors on a device."""
        masks = {kind: mask.to(device) for kind, mask in state["masks"].items()}
        numbers = {
            kind: Coefficients(**{name: value.to(device) for name, value in tensors.items()})
            for kind, tensors in state["coefficients"].items()
        }
        return cls(**{**state, "masks": masks, "coefficients": numbers})
