"""Second-order gradient of the architecture (DARTS, Eqs. 6-8; eDARTS IV-B searches with it).

    d/d alpha L_val(w', alpha),   w' = w - xi (momentum * buffer + grad_w L_train(w, alpha) + decay * w)
      = grad_alpha L_val(w', alpha) - xi * (d^2 / d alpha d w  L_train(w, alpha)) v,   v = grad_w L_val(w', alpha)

The product of matrix and vector is taken as a central difference of grad_alpha L_train around w, along v with radius
R = 0.01 / ||v||; its error falls as R squared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from genocc.runs.processes import ALONE, Processes

from .interface import SearchNet


def second_order_gradient(
    net: SearchNet,
    *,
    validation_loss: Callable[[], Tensor],
    training_loss: Callable[[], Tensor],
    optimizer: torch.optim.SGD,
    radius: float = 0.01,
    processes: Processes = ALONE,
) -> None:
    """Sets the ``.grad`` of the architecture parameters; w, its gradients and BN statistics stay as they are.

    Args:
        net: The super-net; its parameters' gradients are None.
        validation_loss: Computes L_val at the net's current parameters.
        training_loss: Computes L_train there, on the batch of the virtual step.
        optimizer: Of w: its learning rate xi, momentum, decay and buffers.
        radius: The numerator of R.
        processes: Those that share each batch; every gradient is the mean of theirs.
    """
    weights, architecture = net.weight_parameters(), net.architecture_parameters()
    before = net.weight_state()
    _virtual_step(net, training_loss, optimizer, processes)
    torch.autograd.backward(validation_loss())
    processes.average_gradients([*weights, *architecture])
    used = [(w, w.grad) for w in weights if w.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for _, v in used]))
    step = radius / norm.clamp_min(torch.finfo(norm.dtype).tiny)

    def gradient_at(distance: Tensor) -> list[Tensor | None]:
        net.load_weight_state(before)
        with torch.no_grad():
            for w, v in used:
                w.add_(distance * v)
        with net.training_only("architecture"):
            loss = training_loss()
            if not loss.requires_grad:  # all that leads to the logits has drawn `none`
                return [None] * len(architecture)
            return processes.averaged(torch.autograd.grad(loss, architecture, allow_unused=True))

    ahead, behind = gradient_at(step), gradient_at(-step)
    net.load_weight_state(before)
    optimizer.zero_grad(set_to_none=True)
    _subtract(architecture, ahead, behind, optimizer.param_groups[0]["lr"] / (2 * step))


def _virtual_step(
    net: SearchNet, training_loss: Callable[[], Tensor], optimizer: torch.optim.SGD, processes: Processes
) -> None:
    """Moves w as the optimizer would, without changing its buffers."""
    group = optimizer.param_groups[0]
    weights: list[Parameter] = group["params"]
    with net.training_only("weights"):
        gradients = processes.averaged(torch.autograd.grad(training_loss(), weights, allow_unused=True))
    with torch.no_grad():
        for w, gradient in zip(weights, gradients, strict=True):
            if gradient is None:
                continue
            direction = gradient + group["weight_decay"] * w
            buffer = optimizer.state[w].get("momentum_buffer") if w in optimizer.state else None
            if buffer is not None:
                direction += group["momentum"] * buffer
            w.sub_(group["lr"] * direction)


def _subtract(
    architecture: Sequence[Parameter], ahead: Sequence[Tensor | None], behind: Sequence[Tensor | None], factor: Tensor
) -> None:
    for parameter, plus, minus in zip(architecture, ahead, behind, strict=True):
        if plus is None or minus is None:
            continue
        correction = factor * (plus - minus)
        parameter.grad = -correction if parameter.grad is None else parameter.grad - correction
