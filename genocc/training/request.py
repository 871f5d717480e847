"""`genocc.train`: from the fields of a request to a training run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from genocc import arguments
from genocc.data.settings import data_fields, default_preset
from genocc.engines.base import Engine
from genocc.engines.seeds import refuse_engine
from genocc.errors import ConfigError, RunError
from genocc.genotype import Genotype
from genocc.runs.progress import Progress
from genocc.runs.reading import TRAIN, TRAIN_SEEDS
from genocc.runs.settings_file import beside, name_in, named, read_settings
from genocc.runs.starting import given, new_or_resumed, run_path, with_settings
from genocc.runs.tracking import wanted
from genocc.source import Source, load
from genocc.training.config import TrainConfig
from genocc.training.result import GENOTYPE, TrainResult, read_training
from genocc.training.seeds import is_training_seeds, read_training_seeds, run_training_seeds
from genocc.training.training import run_training


def train(
    genotype: Genotype | Source | str | Path | None = None,
    out: str | Path | None = None,
    *,
    data: str | Path | None = None,
    preset: str | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    validation: float | None = None,
    epochs: int | None = None,
    config: str | Path | None = None,
    overrides: Iterable[str] = (),
    network: Mapping[str, Any] | None = None,
    size: int | str | tuple[int, int] | None = None,
    download: bool | None = None,
    tensorboard: bool | None = None,
    track: Iterable[str] = (),
    device: str = "auto",
    engine: Engine | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainResult:
    """Trains a genotype's net from scratch; what is not given has the default of `genocc train`.

    Args:
        genotype: A genotype, what `genocc.open` returns, or what it takes; not needed to go on with a run.
        out: The run folder; a new one below ``runs`` where not given.
        data: A data set's name, with its folder after a colon where it needs one, or a folder with a folder of images
            for each class [the preset's].
        preset: ``quick`` (minutes on a CPU; the default on the built-in data), or a paper's settings: a key of
            `genocc.training.config.PRESETS`.
        seed: Of everything random [0].
        seeds: Train so many times, with ``seed`` and those after it, in folders ``seed-0``, ``seed-1`` of ``out``.
        validation: Training images to hold out: a share up to 1, or a number. They choose the best epoch, and the test
            images are looked at once, at the end [none: the test images choose it].
        epochs: Instead of the preset's.
        config: A file with settings, JSON or TOML, such as another run's config.json, whose genotype is trained where
            none is given; what is given beside it wins.
        overrides: Texts ``part.field=value``: any setting of any part.
        network: Fields of the part ``network``: ``skeleton``, ``channels``, ``layers``, ``stem_stride``, ``auxiliary``.
        size: Height and width of the images: (64, 300), 64x300, or one number for both.
        download: Whether a missing data set may be fetched.
        tensorboard: Whether the history is written as TensorBoard events too.
        track: Names of trackers that the training is handed to, such as ``mlflow``.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        engine: What runs the trainings of several ``seeds``, from `genocc.engines.base.choose`; None: this process, one
            after another.
        resume: Go on with the run in ``out``; other settings need not be given, and may not differ, but for the place
            of the same ``data``.
        progress: Where progress is shown.

    Returns:
        Accuracies, and where the weights are; of several seeds those of the best, with all in its ``seeds``.

    Raises:
        GenoccError: The request, the images or the folder cannot be used, or the training has diverged.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the run can be resumed.
    """
    overrides, trackers = arguments.texts(overrides, "overrides"), wanted(track)
    fields = given(
        seed=seed,
        data=given(**data_fields(data), size=size, download=download, validation=validation),
        schedule=given(epochs=epochs),
        network=given(**(network or {})),
        output=given(tensorboard=tensorboard),
    )
    if config is not None:
        settings, several = read_settings(config, TRAIN, TRAIN_SEEDS, "training")
        preset = name_in(settings, "preset", preset, config)
        with named(config):
            trained = settings.pop(GENOTYPE, None)
            genotype = Genotype.from_dict(trained) if genotype is None and trained is not None else genotype
            TrainConfig.make(preset or "cifar", **settings)
        fields, seeds = beside(settings, fields), seeds or several
    if genotype is None and not resume:
        raise ConfigError("no GENOTYPE to train: a genotype file, a run folder, '-' for standard input, or zoo:NAME")

    def own(folder: Path) -> tuple[TrainConfig, Genotype, int | None]:
        several = is_training_seeds(folder)
        its, trained, count = read_training_seeds(folder) if several else (*read_training(folder), None)
        if seeds is not None and count is None:
            raise RunError(
                f"{folder}: is one training; --seeds {seeds} asks for several: resume it without, or choose another "
                "--out"
            )
        its = with_settings(its, overrides, given(preset=preset, **fields), folder)
        return its, trained if genotype is None else _loaded(genotype), seeds or count

    def new() -> tuple[TrainConfig, Genotype, int | None]:
        if genotype is None:
            raise RunError(f"{out}: no run in it to resume; name a GENOTYPE to begin one")
        default = default_preset(fields.get("data", {}), "cifar")
        return TrainConfig.make(preset or default, overrides, **fields), _loaded(genotype), seeds

    settled = bool(preset or overrides or fields or seeds)
    found, what, count = new_or_resumed(out, resume=resume, settings=settled, new=new, own=own, kind="run")
    folder = run_path(out, f"{what.name}-{found.data.name}")
    if count is not None:
        return run_training_seeds(
            what, found, count, folder, resume=resume, device=device, engine=engine, progress=progress, track=trackers
        )
    refuse_engine(engine, "training")
    return run_training(what, found, folder, resume=resume, device=device, progress=progress, track=trackers)


def _loaded(genotype: Genotype | Source | str | Path) -> Genotype:
    return Source.of(genotype).genotype if isinstance(genotype, (Genotype, Source)) else load(genotype)
