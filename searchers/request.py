"""`genocc.search`: from the arguments of a request to a run, or to several that differ in their seed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from genocc import arguments
from genocc.data.settings import data_fields, default_preset
from genocc.engines.base import Engine
from genocc.engines.seeds import refuse_engine
from genocc.errors import ConfigError, RunError, quoted
from genocc.runs.progress import Progress
from genocc.runs.reading import SEARCH, SEARCH_SEEDS
from genocc.runs.settings_file import beside, name_in, named, read_settings
from genocc.runs.starting import given, new_or_resumed, run_path, with_settings
from genocc.runs.tracking import wanted

from .config import SearchConfig
from .method import Method, bring_method
from .result import SearchResult, read_search
from .search import run_search
from .seeds import is_seeds, read_seeds, run_seeds


def search(
    out: str | Path | None = None,
    *,
    method: str | type[Method] | None = None,
    data: str | Path | None = None,
    preset: str | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    config: str | Path | None = None,
    overrides: Iterable[str] = (),
    size: int | str | tuple[int, int] | None = None,
    download: bool | None = None,
    max_macs: int | None = None,
    max_params: int | None = None,
    penalty_macs: float | None = None,
    max_latency: float | None = None,
    latency: str | Path | None = None,
    penalty_latency: float | None = None,
    force: bool | None = None,
    tensorboard: bool | None = None,
    track: Iterable[str] = (),
    device: str = "auto",
    engine: Engine | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SearchResult:
    """Searches for a genotype; what is not given has the default of `genocc search`.

    Args:
        out: The run folder; a new one below ``runs`` where not given.
        method: A name that `genocc methods` lists, or a `Method` of your own [entrannas-dst].
        data: A data set's name, with its folder after a colon where it needs one, or a folder with a folder of images
            for each class [digits].
        preset: ``quick`` (minutes on a CPU; the default on the built-in data), ``cifar`` or ``imagenet`` (the papers'
            settings).
        seed: Of everything random [0].
        seeds: Search as often, with as many seeds from ``seed`` on, and keep the best by validation accuracy.
        epochs: Instead of the preset's.
        config: A file with settings, JSON or TOML, such as another run's config.json; what is given beside it wins.
        overrides: Texts ``part.field=value``: any setting of any part.
        size: Height and width of the images: (64, 300), 64x300, or one number for both.
        download: Whether a missing data set may be fetched.
        max_macs: Budget of the target net, by genocc's own counts; see ``budget`` for its skeleton.
        max_params: The same for its parameters.
        penalty_macs: Factor of the expected MACs over ``max_macs`` in the architecture's loss.
        max_latency: Budget of the target net's predicted latency, in seconds; needs ``latency``.
        latency: A file of ``genocc profile``.
        penalty_latency: Factor of the expected latency over ``max_latency`` in the architecture's loss.
        force: Whether a ``latency`` of another machine or runtime is taken.
        tensorboard: Whether the history is written as TensorBoard events too: short for ``track=["tensorboard"]``.
        track: Names of trackers that the search is handed to, such as ``mlflow``.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        engine: What runs the searches of several ``seeds``, from `genocc.engines.base.choose`; None: this process, one
            after another.
        resume: Go on with the run in ``out``; other settings need not be given, and may not differ, but for the place
            of the same ``data``.
        progress: Where progress is shown.

    Returns:
        The result, over the budget or not.

    Raises:
        GenoccError: The request, the images or the folder cannot be used, or the search has diverged.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the run can be resumed.
    """
    overrides, trackers = arguments.texts(overrides, "overrides"), wanted(track, tensorboard)
    fields = given(
        seed=seed,
        data=given(**data_fields(data), size=size, download=download),
        schedule=given(epochs=epochs),
        budget=given(
            max_macs=max_macs, max_params=max_params, penalty_macs=penalty_macs, max_latency=max_latency,
            latency=None if latency is None else str(Path(latency).absolute()), force_latency=force or None,
        ),
        penalties=given(latency=given(factor=penalty_latency)),
    )  # fmt: skip
    if not (method is None or isinstance(method, str) or (isinstance(method, type) and issubclass(method, Method))):
        raise ConfigError(f"method: found {quoted(method)}; expected the name of a method, or a class of `Method`")
    name = method if method is None or isinstance(method, str) else method.name
    if config is not None:
        settings, several = read_settings(config, SEARCH, SEARCH_SEEDS, "search")
        name = name_in(settings, "method", name, config)
        preset = name_in(settings, "preset", preset, config)
        with named(config):
            SearchConfig.make(_made_by(method, name), preset or "cifar", **settings)
        fields, seeds = beside(settings, fields), seeds or several

    def own(folder: Path) -> tuple[SearchConfig, int | None]:
        if isinstance(method, type):
            bring_method(method)
        its, count = read_seeds(folder) if is_seeds(folder) else (read_search(folder), None)
        if seeds is not None and count is None:
            raise RunError(
                f"{folder}: is one search; --seeds {seeds} asks for several: resume it without, or choose another --out"
            )
        return with_settings(its, overrides, given(method=name, preset=preset, **fields), folder), seeds or count

    def new() -> tuple[SearchConfig, int | None]:
        default = default_preset(fields.get("data", {}), "cifar")
        return SearchConfig.make(_made_by(method, name), preset or default, overrides, **fields), seeds

    settled = bool(name or preset or seeds or overrides or fields)
    found, count = new_or_resumed(out, resume=resume, settings=settled, new=new, own=own, kind="run")
    folder = run_path(out, f"{found.method}-{found.data.name}")
    if count is None:
        refuse_engine(engine, "search")
        return run_search(found, folder, resume=resume, device=device, progress=progress, track=trackers)
    return run_seeds(
        found, count, folder, resume=resume, device=device, engine=engine, progress=progress, track=trackers
    )


def _made_by(method: str | type[Method] | None, name: str | None) -> str | type[Method]:
    return method if isinstance(method, type) else name or "entrannas-dst"
