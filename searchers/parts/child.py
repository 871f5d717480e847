"""Child: what is measured of a derived net that shares the super-net's weights, before it is trained on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

from genocc.configuration import Part

from ..interface import DerivedCoefficients, Route, SearchNet, View


class ChildConfig(Part):
    """How the child net is measured: the super-net's weights with every cell derived (EnTranNAS, Table 1).

    Attributes:
        batches: Batches of the training half over which its BN statistics are estimated anew, at most one pass; 0
            leaves those that the super-net's steps have left, which are of other features (ours). IST's auxiliary
            model is judged with as many.
        coefficients: What multiplies the operations of its engine cells: ``ones``, as in a target net, or ``weights``,
            the relaxation's coefficients, as in the steps that they were learned in. Transit cells have ones.
    """

    batches: int = Field(default=4, ge=0)
    coefficients: DerivedCoefficients = "ones"


class _Net(Protocol):
    training: bool

    def modules(self) -> Iterator[nn.Module]: ...
    def train(self, mode: bool = True) -> object: ...


def child_route(net: SearchNet, child: ChildConfig) -> Route:
    """Returns the route of the net that the derivation would give now."""
    masks = net.select()
    if child.coefficients == "ones":
        return net.route(View.DERIVED, masks=masks)
    kept = {kind: found.masked(masks[kind]) for kind, found in net.frozen().items()}
    return net.route(masks=masks, coefficients=kept)  # the placement's views: mixed cells, of which the mask is left


@contextmanager
def reestimated(net: _Net, forward: Callable[[Tensor], object], batches: Iterable[Tensor]) -> Iterator[None]:
    """Within the context, the running statistics of all BN are the means of those of some batches.

    They are what `torch.optim.swa_utils.update_bn` computes, for BN that follows a momentum alone too; a BN that
    ``forward`` does not use has mean 0 and variance 1. Afterwards, also upon an exception, the net is as it was.

    Args:
        net: Whose BN.
        forward: Called with each batch, the net being in training mode.
        batches: Images (B, C, H, W); none leave everything as it is.
    """
    found = [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in found if norm.running_mean is not None]
    buffers = [buffer for module in net.modules() for buffer in module.buffers(recurse=False)]
    momenta, before, training = [norm.momentum for norm in norms], [buffer.clone() for buffer in buffers], net.training
    try:
        with torch.no_grad():
            for number, images in enumerate(batches, start=1):
                for norm in norms:
                    norm.momentum = 1 / number  # the first replaces what was there, the n-th is 1/n of what will be
                    if number == 1:
                        _clear(norm)
                net.train()
                forward(images)
        net.train(training)
        yield
    finally:
        net.train(training)
        with torch.no_grad():
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)


def _clear(norm: nn.modules.batchnorm._NormBase) -> None:
    # not reset_running_stats, which asks for PyTorch's counter: genocc's BN has none
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1)
