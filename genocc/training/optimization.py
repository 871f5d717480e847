"""Optimization that searches and trainings share: SGD, its cosine, the loss, the precision, the check for NaN."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from genocc.configuration import Part, Rate


class SgdConfig(Part):
    """SGD with momentum, without Nesterov's.

    Attributes:
        learning_rate: The highest.
        learning_rate_end: At the end.
        momentum: 0.9 in all papers.
        weight_decay: 3e-4 on CIFAR-10 in all papers.
        clip: Largest norm of the gradient; None: it is not clipped.
    """

    learning_rate: float = Field(default=0.025, gt=0)
    learning_rate_end: Rate = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Rate = 3e-4
    clip: float | None = Field(default=5.0, gt=0)

    def optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.SGD:
        """Returns SGD over some parameters."""
        return torch.optim.SGD(
            parameters, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay
        )

    def clip_gradients(self, parameters: Iterable[Parameter]) -> None:
        """Scales the gradients of some parameters down where their norm, all together, is above ``clip``."""
        if self.clip is not None:
            clip_grad_norm_(parameters, self.clip)

    def decayed(self, left: float) -> float:
        """Returns the learning rate with a share ``left``, 1 to 0, of the way to ``learning_rate_end`` still to go."""
        return self.learning_rate_end + (self.learning_rate - self.learning_rate_end) * left


def half_cosine(angle: float) -> float:
    """Returns a cosine from 1 at angle 0 to 0 at pi: the decay of a learning rate without restarts.

    Source: Loshchilov and Hutter, SGDR, Eq. 5, with T_cur / T_i times pi as the angle.
    """
    return (1 + math.cos(angle)) / 2


def classification_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Returns the mean cross entropy of a batch, computed in float32 at least.

    Args:
        logits: (B, classes).
        labels: (B,).
        smoothing: Share of the label that is spread over all classes.
    """
    low = logits.dtype in (torch.bfloat16, torch.float16)
    return cross_entropy(logits.float() if low else logits, labels, label_smoothing=smoothing)


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Returns the context in which features are computed in a precision; weights keep theirs.

    Args:
        precision: ``bfloat16`` or ``float16``; features stay as they are with any other.
        device: Where they are computed.
    """
    low = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=low, enabled=precision in ("bfloat16", "float16"))


KEPT = "kept"
"""Key of an optimizer's state: the numbers of the parameters that it keeps something for, such as momenta."""


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Returns the state of an optimizer for `restore`."""
    state = optimizer.state_dict()
    return {**state, KEPT: sorted(state["state"])}


def check_kept(state: Mapping[str, Any], names: Sequence[str], *, all_moved: bool = False) -> None:
    """Checks that an `optimizer_state` is whole: without its momentum, a parameter would silently begin anew.

    Args:
        state: The state; one of an older version of genocc does not say what it keeps.
        names: Of the parameters, in the optimizer's order.
        all_moved: Whether the optimizer has moved every parameter, and keeps something for each.

    Raises:
        ValueError: What is kept for a parameter is missing; the message names the parameter.
    """
    expected = range(len(names)) if all_moved else state.get(KEPT, ())
    if missing := [number for number in expected if number not in state["state"]]:
        raise ValueError(f"an optimizer that keeps nothing for {names[missing[0]]}")


def restore(
    optimizer: torch.optim.Optimizer, state: Mapping[str, Any], named: Mapping[str, Tensor], *, all_moved: bool = False
) -> None:
    """Puts an `optimizer_state` back, which PyTorch takes unseen and stumbles over in a later step.

    Args:
        optimizer: Of parameters of a net.
        state: Its state.
        named: The parameters of the net by name.
        all_moved: As in `check_kept`.

    Raises:
        ValueError: A setting is of another kind, or what is kept for a parameter is missing or has not its shape.
        KeyError: A part is missing.
    """
    check_kept(state, parameter_names(optimizer, named), all_moved=all_moved)
    settings = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(dict(state))
    for group, before in zip(optimizer.param_groups, settings, strict=True):
        for name, value in before.items():
            numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (group[name], value))
            if not numbers and type(group[name]) is not type(value):
                raise ValueError(f"an optimizer whose {name} is a {type(group[name]).__name__}")
    names = {name for kept in optimizer.state.values() for name in kept}
    for parameter, kept in optimizer.state.items():
        if missing := names - kept.keys():
            raise ValueError(f"an optimizer without {min(missing)} for each parameter")
        for name, value in kept.items():
            if value is not None and not (isinstance(value, Tensor) and value.shape in (parameter.shape, torch.Size())):
                raise ValueError(f"an optimizer whose {name} has not the shape of its parameter")


def parameter_names(optimizer: torch.optim.Optimizer, named: Mapping[str, Tensor]) -> list[str]:
    """Returns the names of an optimizer's parameters, in its order, among those of a net."""
    names = {parameter: name for name, parameter in named.items()}
    return [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no floating-point tensor holds NaN or an infinity; waits for the device."""
    flags = [tensor.isfinite().all() for tensor in tensors if tensor.is_floating_point()]
    return bool(torch.stack(flags).all())
