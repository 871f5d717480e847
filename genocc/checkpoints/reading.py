"""Reading a PyTorch checkpoint as data: tensors by name, never code."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from genocc.errors import FileError, WeightsError
from genocc.files import read_bytes

if TYPE_CHECKING:
    from torch import Tensor

MAX_BYTES = 2 << 30
"""The most that a checkpoint may hold: far above any net of this kind with its optimizer."""

WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net")
"""Keys under which training programs store the state dict, beside the epoch and the optimizer."""

PREFIXES = ("module.", "_orig_mod.")
"""What data-parallel training and torch.compile put before every name."""


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Returns name -> tensor of the state dict in a checkpoint of the legacy or the zip format.

    The state dict may stand under one of ``WRAPPERS``; one of ``PREFIXES`` before all of its names is left out.

    Raises:
        FileError: The file cannot be read or is too large.
        WeightsError: It is no checkpoint, asks for code to be run, or has no state dict in it.
    """
    tensors = _state_dict(_loaded(path), path)
    if odd := [name for name, tensor in tensors.items() if not _is_array(tensor)]:
        raise WeightsError(f"{path}: tensor '{odd[0]}' is sparse, quantized or without values; expected a plain array")
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _loaded(path: str | Path) -> object:
    import torch

    content = BytesIO(read_bytes(path, limit=MAX_BYTES))
    _check_unpacked_size(content, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they advise who wrote the file, not who reads it
            loaded: object = torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that somebody made up can fail anywhere in the unpickler
        save = "the state_dict alone, as torch.save(net.state_dict(), FILE) stores it"
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"{path}: refers to the Python object '{found[1]}', which genocc does not run; expected {save}"
            ) from None
        raise WeightsError(f"{path}: not a PyTorch checkpoint, or a damaged one; expected {save}") from None
    return loaded


def _check_unpacked_size(content: BytesIO, path: str | Path) -> None:
    """A zip archive may unpack to more than it weighs."""
    try:
        if zipfile.is_zipfile(content):
            size = sum(member.file_size for member in zipfile.ZipFile(content).infolist())
            if size > MAX_BYTES:
                raise FileError(f"{path}: unpacks to {size:,} bytes; the limit for a checkpoint is {MAX_BYTES:,}")
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise WeightsError(f"{path}: a damaged checkpoint: {error}") from None
    content.seek(0)


def _state_dict(loaded: object, path: str | Path) -> dict[str, Tensor]:
    from torch import Tensor

    if isinstance(loaded, Mapping):
        for candidate in (loaded, *(loaded[key] for key in WRAPPERS if key in loaded)):
            if isinstance(candidate, Mapping):
                tensors = {key: value for key, value in candidate.items() if isinstance(value, Tensor)}
                if len(tensors) == len(candidate) > 0 and all(isinstance(key, str) for key in tensors):
                    return tensors
    raise WeightsError(
        f"{path}: no state dict in it (found {_described(loaded)}); expected tensors by name, alone or under one of "
        f"the keys {', '.join(WRAPPERS)}"
    )


def _is_array(tensor: Tensor) -> bool:
    import torch

    plain = tensor.layout is torch.strided and tensor.device.type == "cpu"
    return plain and not tensor.is_nested and not tensor.is_quantized


def _described(loaded: object) -> str:
    if not isinstance(loaded, Mapping):
        return type(loaded).__name__
    return f"keys {', '.join(repr(key)[:40] for key in list(loaded)[:6])}" if loaded else "an empty dict"
