"""Size and speed of a file of lower precision relative to the float32 file, in one runtime and one run."""

from __future__ import annotations

import gc
from pathlib import Path
from statistics import median

import numpy as np

from genocc.machine import cores
from genocc.precision import Tradeoff
from genocc.runtimes.base import Array
from genocc.runtimes.compiled_file import CompiledFile
from genocc.runtimes.files import open_file
from genocc.runtimes.table import runtime

from .timing import samples

BATCHES = (1, 16)
ROUNDS = 3
BUDGET = 0.15
"""Seconds of a turn."""


def measure(name: str, reference: Path, path: Path, precision: str) -> Tradeoff:
    """Returns what a file has over another one.

    The two take turns; each is loaded, warmed, timed and gone before the other one's turn. They are as many threads as
    there are cores.

    Args:
        name: Of the runtime.
        reference: The float32 file.
        path: The file of lower precision.
        precision: Its precision.

    Raises:
        TargetError: The runtime refuses one of them.
    """
    files = {which: open_file(where, f"the {which} file") for which, where in (("float32", reference), ("new", path))}
    sizes = {"float32": _size(reference), "new": _size(path)}
    one = runtime(name)
    speed = {}
    for batch in _batches(name, files["new"]):
        seconds: dict[str, list[float]] = {"float32": [], "new": []}
        for number in range(ROUNDS):
            for which in sorted(seconds, reverse=bool(number % 2)):
                loaded = one.load(files[which], threads=cores())
                image = loaded.inputs[0]
                seconds[which] += samples(loaded.infer, _images(batch, *image.shape[1:], image.type), BUDGET)
                del loaded
                gc.collect()
        speed[batch] = median(seconds["float32"]) / median(seconds["new"])
    return Tradeoff(precision, f"{one.title} {one.version()}", sizes["new"] / sizes["float32"], speed)


def _batches(name: str, file: CompiledFile) -> tuple[int, ...]:
    fixed = runtime(name).load(file).batch
    return BATCHES if fixed is None else (fixed,)


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.iterdir() if part.stem == path.stem)


def _images(batch: int, *rest: object) -> Array:
    """Noise of the type and size that a file takes."""
    *shape, kind = rest
    random = np.random.default_rng(0)
    sizes = (batch, *(int(str(size)) for size in shape))
    if kind == "tensor(uint8)":
        return random.integers(0, 256, sizes, dtype=np.uint8)
    return random.standard_normal(sizes, np.float32).astype(np.float16 if kind == "tensor(float16)" else np.float32)
