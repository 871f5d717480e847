"""The epochs of a finished run as models that validate: a history is a file that anybody may have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from genocc.errors import RunError, expectation, quoted
from genocc.files import explained, read_text
from genocc.runs.epochs import best_epoch
from genocc.runs.reading import HISTORY, RUN_TEST, TRAIN, read_epochs, read_known_data

MAX_TEST = 1 << 16
"""Bytes of the file with the accuracy on the test images."""

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Number = Annotated[float, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0)]


class _Checked(BaseModel):
    """Base of the models: what they do not name may stand there as well."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class Steps(_Checked):
    """Means over the steps of an epoch."""

    loss: Number
    accuracy: Share


class Tested(_Checked):
    """Accuracies on the images of a part; no top-5 with five classes or fewer."""

    top1: Share
    top5: Share | None


class EpochCosts(_Checked):
    """Costs of an epoch; see `genocc.runs.costs`."""

    gpu_days: Annotated[float, Field(strict=True, ge=0)]
    device: str
    device_name: str
    processes: Annotated[int, Field(strict=True, ge=1)]
    peak_memory: Count | None
    peak_device_memory: Count | None


class Epoch(_Checked):
    """What every epoch has; those of older runs have no costs."""

    epoch: Count
    seconds: Annotated[float, Field(strict=True, ge=0)]
    costs: EpochCosts | None = None


class TrainEpoch(Epoch):
    """An epoch of a training; see docs/training.md."""

    training: Steps
    test: Tested
    average: Tested | None = None


class HeldOutEpoch(Epoch):
    """An epoch of a training that is measured on held-out training images."""

    training: Steps
    validation: Tested
    average: Tested | None = None


class TestResult(Tested):
    """The accuracy on the test images after a training with held-out ones; see `read_test`."""

    epoch: Annotated[int, Field(strict=True, ge=1)]
    images: Annotated[int, Field(strict=True, ge=1)]


class SampledEpoch(Epoch):
    """The one line of a search that trains nothing; see docs/search.md."""

    draws: Count | None = None
    edges_per_node: dict[str, list[Count]]
    skip_connections: dict[str, Count]
    entropy: dict[str, Number]
    genotype: dict[str, JsonValue]


class SearchEpoch(SampledEpoch):
    """An epoch of a search; see docs/search.md."""

    weights: Steps
    validation_accuracy: Share
    child_accuracy: Share
    child_accuracy_stale: Share | None = None
    undecided: list[str] | None = None


def finished_epochs(path: str | Path, command: str) -> list[dict[str, Any]]:
    """Returns the epochs of a run of which at least one has ended, every field of them checked.

    Args:
        path: The run folder.
        command: ``search`` or ``train``.

    Raises:
        RunError: There is no epoch, or one is not what the command writes; the message has file, line and field.
    """
    history = read_epochs(path)
    where = Path(path) / HISTORY
    if not history:
        raise RunError(f"{where}: no epoch in it, though the run has ended; was the file changed?")
    for number, line in enumerate(history, start=1):
        try:
            if command == TRAIN:
                model: type[Epoch] = HeldOutEpoch if "validation" in line else TrainEpoch
            else:
                model = SampledEpoch if "draws" in line else SearchEpoch
            found = model.model_validate(line)
        except ValidationError as error:
            raise RunError(f"{where}: line {number}: {_explain(error)}; was the file changed?") from None
        if isinstance(found, SampledEpoch):
            kinds = [set(part) for part in (found.edges_per_node, found.skip_connections, found.entropy)]
            if not kinds[0] == kinds[1] == kinds[2] or (number > 1 and kinds[0] != set(history[0]["entropy"])):
                raise RunError(f"{where}: line {number}: its parts name different cells; was the file changed?")
    return history


def read_test(path: str | Path) -> dict[str, Any]:
    """Returns the accuracy on the test images (``epoch``, ``top1``, ``top5``, ``images``) of a finished training.

    Raises:
        RunError: The file is missing, though the run has ended, is not what the command writes, or is another run's.
    """
    where = Path(path) / RUN_TEST
    with explained(where, "read"):
        exists = where.is_file()
    if not exists:
        raise RunError(f"{where}: is missing, though the run has ended; put it back")
    try:
        found = TestResult.model_validate_json(read_text(where, limit=MAX_TEST))
    except ValidationError as error:
        raise RunError(f"{where}: {_explain(error)}; was the file changed?") from None
    best, known = best_epoch(read_epochs(path))["epoch"], read_known_data(path)
    counts = known.get("test") if isinstance(known, dict) else None
    counted = isinstance(counts, list) and all(isinstance(count, int) for count in counts)
    images = sum(counts) if counts and counted else found.images
    for name, own, wanted in (("epoch", found.epoch, best), ("images", found.images, images)):
        if own != wanted:
            raise RunError(f"{where}: is of another training: its {name} is {own}, the run's {wanted}; put it back")
    return found.model_dump()


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = ".".join(quoted(part).strip("'") for part in first["loc"])
    if first["type"] == "missing":
        return f"{path}: the field is missing"
    return f"{path}: found {quoted(first['input'])}; {expectation(first['msg'])}"
