"""Modules of a super-cell: made of a recipe, their parameters by origin and seed."""

from __future__ import annotations

import torch

from genocc.operations import Block, get, relu_conv_bn
from genocc.searchers.arithmetic.factory import ModuleFactory


def pointwise(block: Block, x: str) -> str:
    return relu_conv_bn(1)(block, x, 1)


def weight(factory: ModuleFactory, name: str) -> torch.Tensor:
    module, _ = factory.make(name, (6, 5, 5), 4, pointwise)
    return next(module.parameters()).detach()


def test_parameters_depend_on_origin_and_seed_and_on_nothing_else() -> None:
    torch.manual_seed(1)
    first = weight(ModuleFactory(3, "cells.1"), "pre0")
    torch.manual_seed(2)
    assert torch.equal(first, weight(ModuleFactory(3, "cells.1"), "pre0"))
    for factory, name in (
        (ModuleFactory(4, "cells.1"), "pre0"),
        (ModuleFactory(3, "cells.2"), "pre0"),
        (ModuleFactory(3, "cells.1"), "pre1"),
    ):
        assert not torch.equal(first, weight(factory, name))


def test_the_shape_is_that_of_the_output() -> None:
    module, shape = ModuleFactory(0, "cells.0").make("pre1", (6, 5, 7), 4, pointwise)
    assert shape == (4, 5, 7)
    assert next(module.parameters()).shape == (4, 6, 1, 1)
    pool = get("max_pool_3x3")
    module, shape = ModuleFactory(0, "cells.0").make("pool", (6, 5, 7), 6, lambda block, x: pool.lower(block, x, 2))
    assert shape == (6, 3, 4)
    assert not list(module.parameters()), "BN of a super-net has no scale and shift"
    assert len(list(module.buffers())) == 2, "but running statistics: it stands behind pools too"
