"""Where a genotype comes from: the one meaning of GENOTYPE in every command and of `genocc.load`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genocc import weights as weight_files
from genocc import zoo
from genocc.errors import FileError, RunError
from genocc.genotype import Genotype
from genocc.provenance import Provenance
from genocc.runs.reading import CONFIG, RUN_BEST, RUN_GENOTYPE, RUN_LAST, TRAIN, best_weights, read_command


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


@dataclass(frozen=True)
class TrainingRun:
    """The net of a training run.

    Attributes:
        path: The run folder.
        provenance: What its best weights say: genotype, network, class names, mean and deviation.
    """

    path: Path
    provenance: Provenance

    @property
    def weights(self) -> Path:
        """The best weights; raises RunError while the run is not finished."""
        if not (self.path / RUN_LAST).exists():
            raise RunError(
                f"{self.path}: a training that is not finished; go on with genocc train --out {self.path} --resume, or "
                f"take the best weights so far with --weights {self.path / RUN_BEST}"
            )
        return self.path / RUN_BEST


def training_run(source: str | Path) -> TrainingRun | None:
    """Returns the net of a training run; None where the source is anything else that is a GENOTYPE.

    Raises:
        RunError: There are no weights.
        FileError: They cannot be read.
        TargetError: They do not say which net they belong to.
    """
    path = Path(source)
    if not (path / CONFIG).is_file() or read_command(path) != TRAIN:
        return None
    best = best_weights(path, f"name the genotype alone: {path / RUN_GENOTYPE}")
    return TrainingRun(path, Provenance.from_metadata(weight_files.metadata(best), str(best)))
