"""Checkpoints of other programs: read as data, without running code, and renamed to the graph's origins."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from os.path import commonprefix
from pathlib import Path

import torch
from numpy import float32
from numpy.typing import NDArray
from torch import Tensor

from genocc.checkpoints import Layout
from genocc.errors import FileError, WeightsError, quoted
from genocc.files import read_bytes
from genocc.genotype import Genotype
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.primitives import Shape
from genocc.weights import as_arrays

MAX_BYTES = 2 << 30
"""Size limit of a checkpoint: far above any net of this kind with its optimizer."""

WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net")
"""Keys under which training programs store the state dict, next to the epoch and the optimizer."""

COUNTERS = ("n_averaged",)
"""What PyTorch's average of a net (`torch.optim.swa_utils.AveragedModel`) counts in, beside the net."""

PROFILED = ("total_ops", "total_params")
"""What profilers (thop) leave behind in every module, and so in its state dict."""


@dataclass(frozen=True)
class ImportedWeights:
    """The weights of a checkpoint under genocc's names.

    Attributes:
        arrays: Name -> float32 array.
        config: The network that they belong to: the requested one, with the auxiliary head that was found.
        notes: Decisions on the way, for people.
    """

    arrays: dict[str, NDArray[float32]]
    config: NetworkConfig
    notes: tuple[str, ...]


def import_weights(
    path: str | Path, genotype: Genotype, config: NetworkConfig, layout: Layout, *, drop_auxiliary: bool = False
) -> ImportedWeights:
    """Returns the weights of a checkpoint of another program.

    Args:
        path: Of the checkpoint; no code in it is run.
        genotype: The cells that were trained, with their edges in the order of the program's text.
        config: The network around them; whether its auxiliary head has BN is taken from the file.
        layout: The program's names of tensors.
        drop_auxiliary: Whether to leave out an auxiliary head.

    Raises:
        FileError: The file cannot be read.
        NetworkError: The skeleton has no place for the genotype's cells or the auxiliary head.
        WeightsError: A tensor is missing, surplus, of another shape or not of floating-point numbers; the message names
            it. As in `read_tensors`.
    """
    stored, decisions = read_tensors(path)
    tensors = {name: t for name, t in stored.items() if not (layout.is_ignored(name) or _is_profiled(name))}
    auxiliary = any(map(layout.is_auxiliary, tensors))
    if config.auxiliary and not auxiliary:
        raise WeightsError(f"{path}: has no auxiliary head; leave --auxiliary out")
    notes = ["no auxiliary head"]
    if auxiliary and drop_auxiliary:
        tensors = {name: tensor for name, tensor in tensors.items() if not layout.is_auxiliary(name)}
        config = config.model_copy(update={"auxiliary": False})
        notes = ["auxiliary head dropped"]
    elif auxiliary:
        norm = layout.has_auxiliary_bn(tensors)
        config = config.model_copy(update={"auxiliary": True, "auxiliary_bn": norm})
        notes = [f"auxiliary head found, {'with' if norm else 'without'} BN after its 2x2 convolution"]
    notes += decisions
    if profiled := sum(map(_is_profiled, stored)):
        notes.append(f"{profiled} tensors of a profiler ({', '.join(PROFILED)}) ignored")
    names = layout.names(genotype, config)
    graph = lower(genotype, config, training=True)
    expected = {names[ours]: shape for ours, shape in {**graph.parameters(), **graph.buffers()}.items()}
    _check(tensors, expected, f"{path}", _hint(layout, tensors, config))
    found = as_arrays({theirs: tensors[theirs] for theirs in names.values()}, str(path))
    arrays = {ours: found[theirs] for ours, theirs in names.items()}
    return ImportedWeights(arrays, config, tuple(notes))


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], list[str]]:
    """Returns name -> tensor of the state dict in a checkpoint of the legacy or the zip format, and notes.

    The state dict may be stored under one of ``WRAPPERS``, or under another key if it is the only one; or under one of
    ``WRAPPERS`` below that. What all names begin with, up to a dot, is removed: the net was a part of another module,
    as in data-parallel training, `torch.compile`, averages and trainers.

    Raises:
        FileError: The file cannot be read or is too large.
        WeightsError: It is not a checkpoint, refers to code, or holds no state dict.
    """
    tensors, notes = _state_dict(_load(path), path)
    if odd := [name for name, tensor in tensors.items() if not _is_array(tensor)]:
        raise WeightsError(
            f"{path}: tensor {quoted(odd[0], 120)} is sparse, quantized or without values; expected a plain array"
        )
    tensors = {name: tensor for name, tensor in tensors.items() if name not in COUNTERS}
    common = commonprefix([name for name in tensors if not _is_profiled(name)])  # noqa: RUF071  (cut at a dot below)
    if prefix := common[: common.rfind(".") + 1]:
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        notes.append(f"all names begin with '{prefix}': removed")
    return tensors, notes


def _is_profiled(name: str) -> bool:
    return name.rpartition(".")[2] in PROFILED


def _check(tensors: Mapping[str, Tensor], expected: Mapping[str, Shape], where: str, hint: str) -> None:
    for name, shape in expected.items():
        if name not in tensors:
            if parts := [other.removesuffix(name) for other in tensors if other.endswith(f".{name}")]:
                places = " and below ".join(map(quoted, parts[:3]))
                hint = f"found it below {places}: store the state dict of that net alone"
            raise WeightsError(f"{where}: tensor {quoted(name, 120)} {shape} is missing; {hint}")
        if (found := tuple(tensors[name].shape)) != shape:
            raise WeightsError(f"{where}: tensor {quoted(name, 120)} has shape {found}; expected {shape}; {hint}")
        if not tensors[name].is_floating_point():
            raise WeightsError(
                f"{where}: tensor {quoted(name, 120)} is of {tensors[name].dtype}; expected floating-point numbers"
            )
    if surplus := [name for name in tensors if name not in expected]:
        more = f" (and {len(surplus) - 1} more)" if len(surplus) > 1 else ""
        raise WeightsError(f"{where}: tensor {quoted(surplus[0], 120)}{more} has no place in this net; {hint}")


def _hint(layout: Layout, tensors: Mapping[str, Tensor], config: NetworkConfig) -> str:
    suggested = layout.options({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    differ = {field: value for field, value in suggested.items() if value != getattr(config, field)}
    if not differ:
        order = "with its edges in the order of the program's text"
        return f"is it the right genotype, {order} (and, where that has 'none', imported from it)?"
    options = " ".join(f"--{field.replace('_', '-')} {value}" for field, value in differ.items())
    return f"the checkpoint's tensors ask for {options}"


def _load(path: str | Path) -> object:
    content = BytesIO(read_bytes(path, limit=MAX_BYTES))
    _check_unpacked_size(content, path)
    try:
        loaded: object = torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # of any class: damaged bytes fail anywhere in the unpickler
        save = "the state_dict alone, as torch.save(net.state_dict(), FILE) stores it"
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"{path}: refers to the Python object '{found[1]}', which genocc does not run; expected {save}"
            ) from None
        raise WeightsError(f"{path}: not a PyTorch checkpoint, or a damaged one; expected {save}") from None
    return loaded


def _check_unpacked_size(content: BytesIO, path: str | Path) -> None:
    """Checks what a zip archive unpacks to, which may be far more than its own size."""
    try:
        if zipfile.is_zipfile(content):
            size = sum(member.file_size for member in zipfile.ZipFile(content).infolist())
            if size > MAX_BYTES:
                raise FileError(f"{path}: unpacks to {size:,} bytes; the limit for a checkpoint is {MAX_BYTES:,}")
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise WeightsError(f"{path}: a damaged checkpoint: {error}") from None
    content.seek(0)


def _state_dict(loaded: object, path: str | Path) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict in a checkpoint, and a note where there are others."""
    if isinstance(loaded, Mapping):
        if tensors := _tensors(loaded):
            return tensors, []
        found = {key: tensors for key, value in loaded.items() if (tensors := _tensors(value) or _inner(value))}
        usual = [key for key in WRAPPERS if key in found]
        if usual or len(found) == 1:  # of one alone there is no doubt; its names are checked
            key = usual[0] if usual else next(iter(found))
            others = ", ".join(f"'{str(other)[:40]}'" for other in list(found)[:6] if other != key)
            note = f"read from its '{str(key)[:40]}'" + (f"; {others} left out" if others else "")
            return found[key], [note] if others or not usual else []
    raise WeightsError(
        f"{path}: no state dict in it (found {_described(loaded)}); expected tensors by name, alone or under one of "
        f"the keys {', '.join(WRAPPERS)}"
    )


def _inner(candidate: object) -> dict[str, Tensor]:
    """The state dict under a usual key of a mapping, as of an average that is stored with its decay."""
    if not isinstance(candidate, Mapping):
        return {}
    return next((tensors for key in WRAPPERS if (tensors := _tensors(candidate.get(key)))), {})


def _tensors(candidate: object) -> dict[str, Tensor]:
    """A mapping if it has names of tensors only, else an empty one."""
    items = candidate.items() if isinstance(candidate, Mapping) else ()
    tensors = {key: value for key, value in items if isinstance(key, str) and isinstance(value, Tensor)}
    return tensors if len(tensors) == len(items) else {}


def _is_array(tensor: Tensor) -> bool:
    plain = tensor.layout is torch.strided and tensor.device.type == "cpu"
    return plain and not tensor.is_nested and not tensor.is_quantized


def _described(loaded: object) -> str:
    if not isinstance(loaded, Mapping):
        return type(loaded).__name__
    return f"keys {', '.join(repr(key)[:40] for key in list(loaded)[:6])}" if loaded else "an empty dict"
