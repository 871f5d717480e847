"""The epochs of a finished run as models that validate: a history is a file that anybody may have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from genocc.errors import RunError, expectation, quoted
from genocc.runs.reading import HISTORY, SEARCH, TRAIN, read_epochs

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
    """Accuracies on the test images; no top-5 with five classes or fewer."""

    top1: Share
    top5: Share | None


class Epoch(_Checked):
    """What every epoch has."""

    epoch: Count
    seconds: Annotated[float, Field(strict=True, ge=0)]


class TrainEpoch(Epoch):
    """An epoch of a training; see docs/training.md."""

    training: Steps
    test: Tested
    average: Tested | None = None


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


_MODELS: dict[str, type[Epoch]] = {SEARCH: SearchEpoch, TRAIN: TrainEpoch}


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
            sampled = command == SEARCH and "draws" in line
            found = (SampledEpoch if sampled else _MODELS[command]).model_validate(line)
        except ValidationError as error:
            raise RunError(f"{where}: line {number}: {_explain(error)}; was the file changed?") from None
        if isinstance(found, SampledEpoch):
            kinds = [set(part) for part in (found.edges_per_node, found.skip_connections, found.entropy)]
            if not kinds[0] == kinds[1] == kinds[2] or (number > 1 and kinds[0] != set(history[0]["entropy"])):
                raise RunError(f"{where}: line {number}: its parts name different cells; was the file changed?")
    return history


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = ".".join(quoted(part).strip("'") for part in first["loc"])
    if first["type"] == "missing":
        return f"{path}: the field is missing"
    return f"{path}: found {quoted(first['input'])}; {expectation(first['msg'])}"
