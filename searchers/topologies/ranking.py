"""`genocc rank-topologies`: eDARTS' ranking in two phases, with one training of a small net per topology.

First every topology is tried in the normal cell alone, then the best of them in both cells (III-B, IV-D). The paper
ranks by test accuracy; here held-out training images decide, so that a search along the best topology has not seen
test images.

A training depends on its topology and the seed, not on the process or the order, so any number of processes finds the
same; they are jobs of an engine (`part`). Isomorphic topologies are all trained: their initial values and the order of
their sums differ, so the spread of their accuracies is due to chance.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genocc import arguments
from genocc.data.settings import data_fields, default_preset
from genocc.engines.base import Engine, choose
from genocc.errors import ConfigError, GenoccError, RunError, quoted
from genocc.machine import cores
from genocc.runs.folder import difference, open_run
from genocc.runs.interruption import interruptions
from genocc.runs.loop import choose_device
from genocc.runs.progress import Progress
from genocc.runs.reading import RUN_PARTS, RUN_RANKING, read_config, read_history
from genocc.runs.settings_file import beside, name_in, named, read_settings
from genocc.runs.starting import given, new_or_resumed, run_path, with_settings
from genocc.training.config import TrainConfig

from .config import RankingConfig, load_parts
from .part import RANK_TOPOLOGIES
from .phases import Phases
from .result import RankedTopology, Ranking, read_ranking

LOCAL = "local"
"""The engine of this machine."""


def rank_topologies(
    out: str | Path | None = None,
    *,
    data: str | None = None,
    preset: str | None = None,
    seed: int | None = None,
    epochs: int | None = None,
    config: str | Path | None = None,
    overrides: Iterable[str] = (),
    size: int | str | tuple[int, int] | None = None,
    download: bool | None = None,
    sample: int | None = None,
    top: int | None = None,
    validation: float | None = None,
    engine: Engine | None = None,
    device: str = "cpu",
    resume: bool = False,
    progress: Progress | None = None,
) -> Ranking:
    """Ranks cell topologies by training a net for each; defaults are the command's.

    Args:
        out: The run folder; a new one below ``runs`` where not given.
        data: As for `genocc.train` [digits].
        preset: Of the trainings, as for `genocc.train` [quick on built-in data, shallow on others].
        seed: Of the sample and of every training [0].
        epochs: Of each training, instead of the preset's.
        config: A file with settings, JSON or TOML, such as another ranking's config.json; what is given beside it wins.
        overrides: Texts ``part.field=value``: any setting of the trainings.
        size: Height and width of the images: (64, 300), 64x300, or one number for both.
        download: Whether a missing data set may be fetched.
        sample: How many topologies, chosen at random [all 180].
        top: How many enter the second phase [20].
        validation: Training images that accuracies are measured on: a share up to 1, or a number [0.2].
        engine: What runs the trainings, from `genocc.engines.base.choose` [processes of this machine: one per core; one
            on a GPU, which they would share].
        device: Where nets are trained: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        resume: Go on with the ranking in ``out``; other settings need not be given, and may not differ, but for the
            place of the same ``data``.
        progress: Where progress is shown.

    Raises:
        GenoccError: The request, the images or the folder cannot be used, or a training has diverged.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the ranking can be resumed.
    """
    overrides = arguments.texts(overrides, "overrides")
    images = given(**data_fields(data), size=size, download=download)
    fields = given(seed=seed, data=images, schedule=given(epochs=epochs))
    chosen = given(sample=sample, top=top, validation=validation)
    if config is not None:
        settings, _ = read_settings(config, RANK_TOPOLOGIES)
        training = settings.pop("training", {})
        if not isinstance(training, dict):
            raise ConfigError(f"{config}: training: found {quoted(training)}; expected settings by part")
        preset = name_in(training, "preset", preset, config)
        with named(config):
            RankingConfig.from_dict({**settings, "training": TrainConfig.make(preset or "quick", **training)})
        chosen, fields = {**settings, **chosen}, beside(training, fields)
    here = engine is None or engine.name == LOCAL
    found = choose_device(device).type if here else device  # other machines have other devices
    engine = engine or choose(LOCAL, jobs=1 if found == "cuda" else cores())

    def new() -> RankingConfig:
        default = default_preset(fields.get("data", {}), "shallow")
        return RankingConfig.from_dict({"training": TrainConfig.make(preset or default, overrides, **fields), **chosen})

    def own(folder: Path) -> RankingConfig:
        its = RankingConfig.from_dict(read_config(folder, RANK_TOPOLOGIES), where=str(folder))
        training = with_settings(its.training, overrides, given(preset=preset, **fields), folder)
        return with_settings(its, (), {**chosen, "training": training.model_dump(mode="json")}, folder)

    settled = bool(preset or overrides or fields or chosen)
    ranking = new_or_resumed(out, resume=resume, settings=settled, new=new, own=own, kind="ranking")
    folder = run_path(out, f"topologies-{ranking.training.data.name}")
    return run_ranking(ranking, folder, engine, device=found, resume=resume, progress=progress)


def run_ranking(
    config: RankingConfig,
    out: Path,
    engine: Engine,
    *,
    device: str = "cpu",
    resume: bool = False,
    progress: Progress | None = None,
) -> Ranking:
    """Ranks topologies in a run folder; arguments and errors as those of `rank_topologies`."""
    plain = config.model_dump(mode="json")
    with interruptions(), open_run(out, RANK_TOPOLOGIES, plain, resume=resume, result=RUN_RANKING) as run:
        if not run.finished:
            data = load_parts(config, resume=resume)  # errors of the images come before there is a run
            if data.note and progress:
                progress.message(data.note)
            run.note_data(data.identity())
            run.begin()
            ranked = _finished(Phases(config, run, data, engine, device, progress or Progress()))
            result = Ranking(plain, tuple(ranked), run.result_path)
            run.finish(json.dumps(result.to_dict(), indent=1) + "\n")
        return _own_result(run.result_path, plain)


def _own_result(path: Path, own: dict[str, Any]) -> Ranking:
    """The result in a run folder; RunError where it is another ranking's."""
    found = read_ranking(path)
    its = RankingConfig.from_dict(found.config, where=str(path)).model_dump(mode="json")
    if differs := difference(its, own):
        raise RunError(f"{path}: is of another ranking: {differs}; put the run's own file back")
    return found


def _finished(ranking: Phases) -> list[RankedTopology]:
    folder = ranking.folder
    try:
        return ranking.run()
    except GenoccError:
        if not read_history(folder.path):  # a wrong request shows in the first training
            shutil.rmtree(folder.path / RUN_PARTS, ignore_errors=True)
            folder.withdraw()
        raise
    except KeyboardInterrupt:
        ranking.progress.message(f"stopped; go on with: genocc {RANK_TOPOLOGIES} --out {folder.path} --resume")
        raise
