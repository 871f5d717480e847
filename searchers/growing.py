"""Growing: a larger net that goes on with a smaller one's weights, as in Net2WiderNet (Chen et al., ICLR 2016, 2.3).

A channel that is new begins as a copy of an earlier one: channel c of C as channel c mod C, in every tensor, so that
consecutive layers agree on whose copy it is. Net2WiderNet draws the copied channel, and divides what reads copies by
their number; here BN follows whatever reads them, which undoes a common factor.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .interface import SearchNet


def grown(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """Returns a tensor of another shape of as many dimensions, each filled with what there was, again and again."""
    for dimension, size in enumerate(shape):
        copied = torch.arange(size, device=tensor.device) % tensor.shape[dimension]
        tensor = tensor.index_select(dimension, copied)
    return tensor


def carry_weights(before: SearchNet, net: SearchNet) -> None:
    """Gives a net the weights and BN statistics of the net before it, by name; others stay as they are."""
    old, new = before.weight_state(), net.weight_state()
    net.load_weight_state({name: grown(old.get(name, own), own.shape) for name, own in new.items()})


def carry_state(before: nn.Module, old: Optimizer, net: nn.Module, new: Optimizer) -> None:
    """Gives an optimizer of a net's parameters the momenta that another has of the net before it, by name.

    Args:
        before: The smaller net.
        old: Its optimizer.
        net: The larger net.
        new: Its optimizer, which has taken no step.
    """
    earlier = dict(before.named_parameters())
    for name, parameter in net.named_parameters():
        source = earlier.get(name)
        if source is not None and source in old.state:
            new.state[parameter] = {
                key: grown(value, parameter.shape) if value.shape == source.shape else value
                for key, value in old.state[source].items()
            }
