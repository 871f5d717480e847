"""The result of a training, read from its run folder, and the form of its config.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from genocc import weights as weight_files
from genocc.errors import RunError
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.provenance import Provenance
from genocc.runs.costs import Costs
from genocc.runs.epochs import best_epoch, kept_accuracies
from genocc.runs.history import finished_epochs, read_test
from genocc.runs.own_files import check_weights
from genocc.runs.reading import RUN_BEST, RUN_LAST, TRAIN, read_config
from genocc.training.config import TrainConfig

GENOTYPE = "genotype"
"""Where config.json keeps what is trained, beside the fields of `TrainConfig`."""


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        path: The run folder.
        config: How it was trained.
        genotype: What was trained.
        history: One mapping per epoch; see docs/training.md.
        network: The network around the cells.
        class_names: Of the classes in order.
        mean: Per channel of pixels in 0..1; what was subtracted from images.
        std: Per channel; what they were divided by.
        test: Of a training with held-out images: ``epoch``, ``top1``, ``top5`` and ``images``, of the best weights on
            the test images; None where every epoch was measured on them.
        seeds: All of several trainings that differ in their seed, this one included; empty for a single one.
    """

    path: Path
    config: TrainConfig
    genotype: Genotype
    history: list[dict[str, Any]]
    network: NetworkConfig
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    test: dict[str, Any] | None = None
    seeds: tuple[TrainResult, ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> TrainResult:
        """Returns the result of a finished run; raises RunError, FileError or TargetError where the folder has none."""
        folder = Path(path)
        config, genotype = read_training(folder)
        if not (folder / RUN_LAST).exists():
            raise RunError(f"{folder}: not finished; go on with: genocc train --out {folder} --resume")
        texts = weight_files.metadata(folder / RUN_BEST)
        check_weights(folder, Provenance.from_metadata(texts, str(folder / RUN_BEST)))
        test = None if config.data.validation is None else read_test(folder)
        return cls.of(folder, config, genotype, finished_epochs(folder, TRAIN), texts, test)

    @classmethod
    def of(
        cls,
        folder: Path,
        config: TrainConfig,
        genotype: Genotype,
        history: list[dict[str, Any]],
        texts: Mapping[str, str],
        test: dict[str, Any] | None = None,
    ) -> TrainResult:
        """Returns a result from its parts; ``texts`` are the metadata of the weights."""
        found = Provenance.from_metadata(texts, str(folder / RUN_BEST))
        if found.normalization is None:
            raise RunError(f"{folder / RUN_BEST}: not what the training wrote; was it changed?")
        return cls(folder, config, genotype, history, found.config, found.class_names, *found.normalization, test)

    @property
    def weights(self) -> Path:
        """File of the weights of the best epoch, which `genocc compile` takes."""
        return self.path / RUN_BEST

    @property
    def best(self) -> dict[str, Any]:
        """The epoch of the history with the best accuracy on ``measured``, the first of equals."""
        return best_epoch(self.history)

    @property
    def best_top1(self) -> float:
        """Top-1 accuracy of the best epoch on ``measured``; of the averaged weights where there are any."""
        return float(kept_accuracies(self.best)["top1"])

    @property
    def last_top1(self) -> float:
        """Top-1 accuracy of the last epoch on ``measured``; of the averaged weights where there are any."""
        return float(kept_accuracies(self.history[-1])["top1"])

    @property
    def measured(self) -> str:
        """The images that epochs were measured on: ``validation`` or ``test``."""
        return self.config.data.measured

    @property
    def seconds(self) -> float:
        """Duration of all epochs."""
        return float(sum(line["seconds"] for line in self.history))

    @property
    def costs(self) -> Costs:
        """Time, GPU-days, devices and peak memory of all epochs."""
        return Costs.of(self.history)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``; of several seeds with `over_seeds`, and each of them in ``seeds``."""
        if not self.seeds:
            return self._one()
        return {**self._one(), "over_seeds": over_seeds(self.seeds), "seeds": [one._one() for one in self.seeds]}

    def _one(self) -> dict[str, Any]:
        return {
            "run": str(self.path),
            "seed": self.config.seed,
            "genotype": self.genotype.name,
            "hash": self.genotype.hash,
            "weights": str(self.weights),
            "measured": self.measured,
            "epochs": len(self.history),
            "seconds": self.seconds,
            "costs": self.costs.to_dict(),
            "best": {"epoch": self.best["epoch"], **kept_accuracies(self.best)},
            "last": {"epoch": self.history[-1]["epoch"], **kept_accuracies(self.history[-1])},
            "test": self.test,
            "training": self.history[-1]["training"],
            "network": self.network.model_dump(mode="json"),
            "class_names": list(self.class_names),
            "mean": list(self.mean),
            "std": list(self.std),
        }


def over_seeds(results: Sequence[TrainResult]) -> dict[str, Any]:
    """Returns ``mean``, ``deviation`` and ``values`` of the top-1 accuracies of several trainings.

    The deviation is the sample's, with n - 1; None with one seed.

    Returns:
        ``best`` and ``last``, of these epochs on the part that epochs were measured on; ``test``, of the best epoch,
        where that part was held out.
    """
    tops = {
        "best": [result.best_top1 for result in results],
        "last": [result.last_top1 for result in results],
        "test": [float(result.test["top1"]) for result in results if result.test],
    }
    return {
        name: {"mean": mean(values), "deviation": stdev(values) if len(values) > 1 else None, "values": values}
        for name, values in tops.items()
        if values
    }


def read_training(path: str | Path) -> tuple[TrainConfig, Genotype]:
    """Returns how a run trains, and what; raises RunError, ConfigError or GenotypeError."""
    return parse_config(read_config(path, TRAIN), str(path))


def parse_config(found: Mapping[str, Any], where: str) -> tuple[TrainConfig, Genotype]:
    """Returns what `config_json` was made of; raises ConfigError or GenotypeError, which name ``where``."""
    fields = dict(found)
    genotype = Genotype.from_dict(fields.pop(GENOTYPE, {}))
    return TrainConfig.from_dict(fields, where=where), genotype


def config_json(config: TrainConfig, genotype: Genotype) -> dict[str, Any]:
    """Returns what config.json keeps: everything needed to repeat the run."""
    return {**config.model_dump(mode="json"), GENOTYPE: genotype.model_dump(mode="json", exclude_none=True)}
