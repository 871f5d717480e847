"""Whether the runs of an experiment can stand in one table.

Each has the settings that its place says, a training the cells that its row names or its search has found, and all are
on the same images.

Days may lie between two jobs, and folders are gathered from several machines: meanwhile images may have been added, a
genotype's file edited, a folder put in another's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genocc.data import datasets
from genocc.data.settings import data_fields
from genocc.errors import GenoccError, RunError
from genocc.experiments.model import SearchRuns, TrainRuns
from genocc.experiments.plan import Plan, Point, RowPlan, Step, overrides
from genocc.runs.folder import difference
from genocc.runs.reading import CONFIG, SAMPLES, read_config, read_known_data
from genocc.runs.starting import given, with_settings
from genocc.source import load

if TYPE_CHECKING:
    from genocc.searchers.config import SearchConfig
    from genocc.training.config import TrainConfig

_REMEDY = "put the job's own folder back, or remove this one and have the job run anew with --resume"


def check_comparable(plan: Plan) -> None:
    """Checks the jobs that have begun against each other, and against what the next ones would take.

    Raises:
        RunError: One is `incomparable`.
    """
    for name, reason in incomparable(plan).items():
        raise RunError(f"{name}: {reason}")


def incomparable(plan: Plan) -> dict[str, str]:
    """Returns the jobs that cannot stand in the table with the others, each with the reason.

    Two of them have other images, or one has those of another data set than ``plan.data``; one has other settings than
    the experiment says, or than another seed of its row; a row's trainings have other cells than its genotype or its
    searches; or a run folder or a genotype cannot be read.
    """
    found: dict[str, str] = {}
    images: dict[object, tuple[Step, Any]] = {}
    for row in plan.rows:
        settings: dict[str, tuple[Step, Any]] = {}
        for point, step in _begun(row):
            if step.name in found:
                continue
            try:
                config = read_config(step.folder, step.kind)
                reason = (
                    _of_images(plan, step, config, images)
                    or _of_settings(plan, row, point, step, settings)
                    or _of_cells(row, point, step, config)
                )
            except GenoccError as error:
                reason = str(error)
            if reason:
                found[step.name] = reason
    return found


def _begun(row: RowPlan) -> Iterator[tuple[Point, Step]]:
    """The jobs of a row that have begun, each with the first of its points."""
    steps = dict[str, tuple[Point, Step]]()
    for point in row.points:
        for step in filter(None, (point.search, point.training)):
            steps.setdefault(step.name, (point, step))
    return ((point, step) for point, step in steps.values() if (step.folder / CONFIG).is_file())


def _of_images(plan: Plan, step: Step, config: Mapping[str, Any], images: dict[object, tuple[Step, Any]]) -> str:
    """Compares what a run has noted of its images with the first run on the same ones."""
    data: Any = config.get("data")
    named = data if isinstance(data, Mapping) else {}
    if plan.data is not None and (asked := _asked_images(plan.data, named)["name"]) != named.get("name"):
        return (
            f"was run on data set '{named.get('name')}', and --data names '{asked}': one table cannot have both; name "
            "the place of the same images, or choose another --out"
        )
    place = None if plan.data is not None else named.get("folder")  # of all jobs the same images, wherever they lay
    known = read_known_data(step.folder)
    first, noted = images.setdefault((named.get("name"), place), (step, known))
    if known is not None and noted is not None and not _same(known, noted):
        return (
            f"was run on other images than {first.name}, both of data set '{named.get('name')}': they have changed in "
            "between; begin the experiment anew in another --out"
        )
    return ""


def _same(known: Any, noted: Any) -> bool:
    """Whether two notes may be of the same images, which a search and a training may have in two forms."""
    notes = [dict(one) if isinstance(one, Mapping) else {"": one} for one in (known, noted)]
    if not all(SAMPLES in one for one in notes):  # of an older version
        notes = [{key: value for key, value in one.items() if key != SAMPLES} for one in notes]
    if notes[0].get("form") != notes[1].get("form"):  # of images in another size, another digest
        notes = [{key: value for key, value in one.items() if key not in ("form", "digests")} for one in notes]
    return notes[0] == notes[1]


def _asked_images(text: str | None, own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``--data``; a name of nothing here is that of a run's own folder, which has moved."""
    found = data_fields(text)
    gone = found and found["name"] not in datasets() and own.get("name") == "imagefolder"
    return {"name": "imagefolder", "folder": text} if gone else found


def _of_settings(plan: Plan, row: RowPlan, point: Point, step: Step, first: dict[str, tuple[Step, Any]]) -> str:
    """Compares a run's settings with those that are asked for, as the job does that goes on with it, and seeds."""
    runs = row.search if step.kind == "search" else row.train
    assert runs is not None, "the row has such a job"
    own, asked = _settings(plan, runs, point.seed, step.folder)
    if differs := difference(own, asked):
        return f"has other settings than the experiment: {differs}; {_REMEDY}"
    other, settings = first.setdefault(step.kind, (step, own))
    if differs := difference({**settings, "seed": None}, {**own, "seed": None}):
        return f"has other settings than {other.name}, of the same row: {differs}; run both with one version of genocc"
    return ""


def _settings(plan: Plan, runs: SearchRuns | TrainRuns, seed: int, folder: Path) -> tuple[Any, Any]:
    """A run's settings, and the same with those that the experiment states, plain; raises GenoccError."""
    fields = given(preset=runs.preset, seed=seed, schedule=given(epochs=runs.epochs))
    own: SearchConfig | TrainConfig
    if isinstance(runs, SearchRuns):
        from genocc.searchers.result import read_search

        own, more = read_search(folder), {}
        fields |= given(method=runs.method)
    else:
        from genocc.training.result import read_training

        own, more = read_training(folder)[0], given(validation=runs.validation)
    fields |= given(data={**_asked_images(plan.data or runs.data, own.data.model_dump()), **more})
    asked = with_settings(own, overrides(runs.settings), fields, folder)
    return own.model_dump(mode="json"), asked.model_dump(mode="json")


def _of_cells(row: RowPlan, point: Point, step: Step, config: Mapping[str, Any]) -> str:
    """Compares the cells of a training with those of the row, or those that its search has found."""
    searched = point.search
    if step.kind != "train" or (searched is not None and not searched.done):
        return ""
    epoch = "" if point.epoch is None else f"@{point.epoch}"
    where = str(row.row.genotype) if searched is None else f"{searched.folder}{epoch}"
    trained: Any = config.get("genotype")
    try:
        own = load(where).model_dump(mode="json", exclude_none=True)
    except GenoccError:
        if searched is None:  # its file is gone, or the path was that of another folder: nothing to compare
            return ""
        raise
    if not isinstance(trained, Mapping) or trained.get("cells") == own["cells"]:
        return ""
    if searched is not None:
        return f"has trained other cells than {searched.name}{epoch} has found; {_REMEDY}"
    return (
        f"has trained other cells than {row.row.genotype} has now; put the genotype back, or begin the experiment anew "
        "in another --out"
    )
