"""How many calls of PyTorch's operators a search step makes, next to the transcribed reference; needs no GPU.

    python benchmarks/calls.py

A GPU that computes faster than its host issues calls is limited by their number: on an H100 machine a call of a step
took 30 to 40 microseconds (docs/benchmarks.md). Counted are forward pass, backward pass and optimizer of one
architecture and one weight step as they run on a GPU; views and allocations, which launch nothing, are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any
from unittest.mock import patch

import typer
from running import run
from search_ways import WAYS, Size
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from genocc.cli.console import print_table

FREE = frozenset(
    ("view", "permute", "transpose", "t", "expand", "slice", "select", "unsqueeze", "squeeze", "detach", "alias",
     "split", "split_with_sizes", "unbind", "as_strided", "_unsafe_view", "_reshape_alias", "empty", "new_empty",
     "empty_like", "empty_strided", "new_empty_strided", "lift_fresh", "promote_types", "unfold", "resize_")
)  # fmt: skip
SHOWN = 6


class Calls(TorchDispatchMode):
    """Counts the calls that reach a device, by operator."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        if name not in FREE:
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def main(as_json: Annotated[bool, typer.Option("--json", help="All operators, as JSON.")] = False) -> None:
    """Prints a table."""
    counts = {}
    with patch("genocc.searchers.arithmetic.lazy.depthwise", _depthwise):
        for name, way in WAYS.items():
            searcher = way.build(Size(batch=2, image=16))
            for counted in (False, True):  # the first steps make the optimizers' state
                with Calls() as calls:
                    searcher.step("architecture")
                    searcher.step("weights")
                if counted:
                    counts[name] = calls.found
    if as_json:
        print(json.dumps(counts, indent=2))
        return
    rows = []
    for name, found in counts.items():
        commonest = ", ".join(f"{operator} {count:,}" for operator, count in found.most_common(SHOWN))
        rows.append(
            (name, f"{found.total():,}", f"{found.total() / counts[WAYS[name].against].total():.2f}", commonest)
        )
    print_table("calls of operators in two steps", ["", ">calls", ">share", "most often"], rows)


def _depthwise(x: Any, weight: Any, stride: int, dilation: int) -> Any:
    """What `genocc.nn.depthwise` does on a GPU."""
    return functional.conv2d(x, weight, None, stride, dilation * (weight.shape[-1] // 2), dilation, x.shape[1])


if __name__ == "__main__":
    run(main)
