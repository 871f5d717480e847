"""Training runs as sources of nets: what their weights say about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genocc import weights as weight_files
from genocc.errors import RunError
from genocc.runs import CONFIG, RUN_BEST, RUN_GENOTYPE, RUN_LAST, TRAIN, read_command

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
        RunError: There are no weights yet.
        FileError: They cannot be read.
        TargetError: They do not say which net they belong to.
    """
    path = Path(source)
    if not (path / CONFIG).is_file() or read_command(path) != TRAIN:
        return None
    if not (path / RUN_BEST).exists():
        raise RunError(
            f"{path}: a training without weights yet; wait for its first epoch to end, or name the genotype alone: "
            f"{path / RUN_GENOTYPE}"
        )
    return TrainingRun(path, Provenance.from_metadata(weight_files.metadata(path / RUN_BEST), str(path / RUN_BEST)))
