"""How deployment options are written on the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genocc.errors import TargetError
from genocc.files import read_text

if TYPE_CHECKING:
    from genocc.provenance import Normalization, Provenance

_MAX_CLASS_NAMES = 64 << 20


def normalize_option(text: str, channels: int, trained: Normalization | None = None) -> Normalization:
    """Returns mean and deviation of each channel.

    Args:
        text: The means, then the deviations, separated by commas (``/`` or ``:`` between the two halves reads well);
            one of each stands for all channels. Or ``run``: those that the net was trained with.
        channels: Of the images.
        trained: What images had taken out when the net was trained, where that is known.

    Raises:
        TargetError: The text is not twice as many numbers as there are channels, or not those of the training.
    """
    if text.strip() == "run":
        if trained is None:
            raise TargetError("--normalize run: GENOTYPE is no training run; give the numbers, MEAN,STD")
        return trained
    numbers = _numbers(text, channels)
    if trained not in (None, numbers):
        raise TargetError(f"--normalize: found {numbers}; the net was trained with {trained}: give --normalize run")
    return numbers


def run_options(provenance: Provenance, options: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """Returns deployment options completed by what a training run says of its net.

    Args:
        provenance: Of the run.
        options: Those that were given; they win.
        known: Those that the target has.
    """
    own: dict[str, Any] = {"class_names": provenance.class_names, "normalization": provenance.normalization}
    if options.get("uint8_input"):  # pixels as they are in a file: the net cannot have them without its normalization
        own["normalize"] = provenance.normalization
    return {**{name: value for name, value in own.items() if name in known}, **options}


def _numbers(text: str, channels: int) -> Normalization:
    try:
        numbers = tuple(map(float, re.split(r"[\s,;:/]+", text.strip())))
    except ValueError:
        numbers = ()
    if len(numbers) == 2:
        return numbers[:1] * channels, numbers[1:] * channels
    if len(numbers) != 2 * channels:
        expected = ",".join(["MEAN"] * channels + ["STD"] * channels)
        raise TargetError(f"--normalize: found '{text}'; expected {2 * channels} numbers, {expected}, or MEAN,STD")
    return numbers[:channels], numbers[channels:]


def class_names_option(text: str) -> tuple[str, ...]:
    """Returns the names in a file with one a line or, where there is no such file, in a list with commas.

    Raises:
        FileError: The file cannot be read, or the text is neither a file nor a list.
        TargetError: A name is empty or has other than printable characters.
    """
    listed = "," in text and not Path(text).exists()
    lines = text.split(",") if listed else read_text(text, limit=_MAX_CLASS_NAMES).rstrip().splitlines()
    names = tuple(line.strip() for line in lines)
    if not any(names):
        raise TargetError(f"--class-names: no names in {text}; expected one a line")
    for number, name in enumerate(names, start=1):
        if not name or not name.isprintable():
            raise TargetError(f"--class-names: name {number} is {name!r}; expected printable characters")
    return names
