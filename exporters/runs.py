"""Training runs as sources of nets: what their weights say about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genocc import weights as weight_files
from genocc.errors import RunError
from genocc.runs import CONFIG, RUN_BEST, RUN_GENOTYPE, RUN_LAST, TRAIN, best_weights, read_command

from .provenance import Provenance


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
