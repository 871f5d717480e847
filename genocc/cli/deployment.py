"""How deployment options are written on the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from genocc.errors import TargetError, quoted
from genocc.files import read_text

if TYPE_CHECKING:
    from genocc.provenance import Normalization, Provenance

_MAX_CLASS_NAMES = 64 << 20


def normalize_option(text: str, channels: int, provenance: Provenance | None = None) -> Normalization:
    """Returns mean and deviation of each channel.

    Args:
        text: The means, then the deviations, separated by commas (``/`` or ``:`` between the two halves reads well);
            one of each stands for all channels. Or ``run``: those that the net was trained with.
        channels: Of the images.
        provenance: Of the training run, where there is one.

    Raises:
        TargetError: The text is not twice as many numbers as there are channels.
    """
    if text.strip() == "run":
        if provenance is None or provenance.normalization is None:
            raise TargetError("--normalize run: GENOTYPE is no training run; give the numbers, MEAN,STD")
        return provenance.normalization
    try:
        numbers = tuple(map(float, re.split(r"[\s,;:/]+", text.strip())))
    except ValueError:
        numbers = ()
    if len(numbers) == 2:
        return numbers[:1] * channels, numbers[1:] * channels
    if len(numbers) != 2 * channels:
        expected = ",".join(["MEAN"] * channels + ["STD"] * channels)
        raise TargetError(
            f"--normalize: found {quoted(text)}; expected {2 * channels} numbers, {expected}, or MEAN,STD"
        )
    return numbers[:channels], numbers[channels:]


def class_names_option(text: str) -> tuple[str, ...]:
    """Returns the names in a file with one per line or, where there is no such file, in a list with commas.

    Raises:
        FileError: The file cannot be read, or the text is neither a file nor a list.
        TargetError: A name is empty or has other than printable characters.
    """
    listed = "," in text and not Path(text).exists()
    lines = text.split(",") if listed else read_text(text, limit=_MAX_CLASS_NAMES).rstrip().splitlines()
    names = tuple(line.strip() for line in lines)
    if not any(names):
        raise TargetError(f"--class-names: no names in {text}; expected one per line")
    for number, name in enumerate(names, start=1):
        if not name or not name.isprintable():
            raise TargetError(f"--class-names: name {number} is {quoted(name)}; expected printable characters")
    return names
