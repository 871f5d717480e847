"""Weights on disk: safetensors files whose tensor names are the graph's parameter names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genocc.errors import FileError, WeightsError
from genocc.files import explained, write_atomically
from genocc.graph import Graph
from genocc.origins import is_auxiliary

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

_FLOATS = ("F32", "F16", "F64")


def load(path: str | Path) -> dict[str, Array]:
    """Returns name -> array of a safetensors file, in float32 whatever precision it is stored in.

    Raises:
        FileError: The file cannot be read or is not a safetensors file.
        WeightsError: A tensor does not hold 16-, 32- or 64-bit floats, or one that is beyond float32 or not finite, or
            is of variances and has one below zero; the message names it.
    """
    with _opened(path) as file:
        arrays = {}
        for name in file.keys():  # noqa: SIM118  (not a mapping)
            if (dtype := file.get_slice(name).get_dtype()) not in _FLOATS:
                raise WeightsError(f"{path}: tensor '{name}' is {dtype}; expected {' or '.join(_FLOATS)}")
            arrays[name] = _float32(file.get_tensor(name), name, str(path))
        return arrays


def as_arrays(values: Mapping[str, Any], where: str = "weights") -> dict[str, Array]:
    """Returns name -> array in float32 of NumPy's arrays or PyTorch's tensors (a ``state_dict``), on any device.

    Raises:
        WeightsError: One holds no numbers, or such as `load` refuses; the message names it.
    """
    import numpy as np

    arrays = {}
    for name, value in values.items():
        if hasattr(value, "detach"):
            value = value.float() if value.is_floating_point() and value.itemsize < 4 else value
            value = value.numpy(force=True)  # also of a view that PyTorch negates or conjugates only when it is read
        array = np.asarray(value, order="C")
        if array.dtype.kind not in "fiu":
            raise WeightsError(f"{where}: tensor '{name}' is {array.dtype}; expected floats")
        arrays[name] = _float32(array, name, where)
    return arrays


def _float32(stored: Array, name: str, where: str) -> Array:
    """Returns a tensor in float32; raises WeightsError where its values would make NaN of every image."""
    import numpy as np

    what = f"{where}: tensor '{name}'"
    with np.errstate(over="ignore"):
        array = stored.astype("float32", copy=False)
    if not np.isfinite(array).all():
        if np.isfinite(stored).all():
            raise WeightsError(f"{what} has values beyond float32, up to {abs(stored).max():g}")
        raise WeightsError(f"{what} has values that are NaN or infinite: the file is damaged, or its training diverged")
    if name.endswith("running_var") and array.size and array.min() < 0:
        raise WeightsError(f"{what} has values below 0, down to {array.min():g}; they are variances: is it damaged?")
    return array


def metadata(path: str | Path) -> dict[str, str]:
    """Returns the texts in the header of a safetensors file; raises FileError as `load`."""
    with _opened(path) as file:
        return file.metadata() or {}


def save(arrays: Mapping[str, Array], path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a safetensors file, all or nothing. Raises FileError."""
    write_atomically(path, serialize(arrays, metadata))


def serialize(arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> bytes:
    """Returns the content of a safetensors file: the same bytes for the same arrays and texts."""
    import numpy as np
    from safetensors.numpy import save

    ordered = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    return _described(save(ordered), metadata or {})


def check(arrays: Mapping[str, Array], graph: Graph, where: str = "weights") -> None:
    """Checks that arrays are exactly those of a graph, an auxiliary head aside.

    Raises:
        WeightsError: A tensor is missing, surplus or of another shape; the message names it.
    """
    expected = {**graph.parameters(), **graph.buffers()}
    for name, shape in expected.items():
        if name not in arrays:
            raise WeightsError(f"{where}: tensor '{name}' {shape} is missing; is this the right genotype and network?")
        if tuple(arrays[name].shape) != shape:
            raise WeightsError(f"{where}: tensor '{name}' has shape {tuple(arrays[name].shape)}; expected {shape}")
    surplus = [name for name in arrays if name not in expected and not is_auxiliary(name)]
    if surplus:
        more = f" (and {len(surplus) - 1} more)" if len(surplus) > 1 else ""
        raise WeightsError(f"{where}: tensor '{surplus[0]}'{more} has no place in this net; is it the right genotype?")


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    with explained(path, "read"):
        if Path(path).is_dir():
            raise FileError(f"{path}: is a directory; expected a safetensors file")
        with open(path, "rb"):  # whose errors say more than the library's
            pass
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise FileError(f"{path}: not a safetensors file that can be read: {error}") from None


def _described(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """A safetensors file with texts in its header, in order: the library writes them in a random one."""
    if not metadata:
        return content
    start = 8 + int.from_bytes(content[:8], "little")
    header = {"__metadata__": dict(sorted(metadata.items())), **json.loads(content[8:start])}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[start:]
