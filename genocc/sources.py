"""Where a genotype comes from: the one meaning of GENOTYPE in every command and of `genocc.load`."""

from __future__ import annotations

from pathlib import Path

from genocc import zoo
from genocc.errors import FileError
from genocc.genotype import Genotype
from genocc.runs import RUN_GENOTYPE


def load(source: str | Path) -> Genotype:
    """Returns a genotype.

    Args:
        source: A genotype file, a run folder, ``-`` for standard input, or ``zoo:NAME`` (see `genocc zoo list`).

    Raises:
        FileError: The file or the zoo entry does not exist or cannot be read.
        GenotypeError: The content is not a valid genotype; the message has file and JSON path.
    """
    if str(source).startswith("zoo:"):
        return zoo.load(str(source).removeprefix("zoo:"))
    path = Path(source)
    if path.is_dir():
        if not (path / RUN_GENOTYPE).exists():
            raise FileError(f"{path}: a folder without {RUN_GENOTYPE}; expected a genotype file or a run folder")
        path /= RUN_GENOTYPE
    return Genotype.load(path)
