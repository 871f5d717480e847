"""A checkpoint belongs to one run: its settings, its data, its history up to then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from genocc.errors import RunError
from genocc.runs.belonging import belonging, refuse_foreign
from genocc.runs.folder import RunFolder
from genocc.training.training import run_training
from tests.training.tiny import GENOTYPE, assert_same, tiny

CONTENT: dict[str, Any] = {
    "command": "train",
    "genocc": "0.1.0",
    "config": {"seed": 1, "schedule": {"epochs": 3}, "data": {"name": "cifar10", "folder": "a"}},
    "known_data": {"classes": ["cat", "dog"]},
}


def made(path: Path, lines: int = 3, **changes: Any) -> RunFolder:
    """A run folder with a history."""
    path.mkdir()
    (path / "history.jsonl").write_text("".join(f'{{"epoch": {number + 1}}}\n' for number in range(lines)))
    return RunFolder(path, {**CONTENT, **changes})


def test_a_run_takes_its_own_checkpoint_wherever_its_data_are_and_whatever_came_after(tmp_path: Path) -> None:
    noted = belonging(made(tmp_path / "a"), 2)
    moved = {**CONTENT["config"], "data": {"name": "cifar10", "folder": "b"}}
    refuse_foreign(made(tmp_path / "b", 2, config=moved, genocc="0.2.0"), noted, 2)
    refuse_foreign(made(tmp_path / "c", 1), noted, 2)  # a history that is too short is refused where it is cut


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": {**CONTENT["config"], "seed": 2}}, r"seed \(--seed\) is 1, not 2"),
        ({"config": {**CONTENT["config"], "schedule": {"epochs": 9}}}, r"schedule.epochs \(--epochs\) is 3, not 9"),
        ({"command": "search"}, 'command is "train"'),
        ({"known_data": {"classes": ["dog", "cat"]}}, "its images are others"),
        ({"known_files": {"budget.latency": "0"}}, "the files of its settings are others"),
    ],
)
def test_another_run_is_named_by_the_first_difference(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    noted = belonging(made(tmp_path / "a"), 2)
    with pytest.raises(RunError, match=f"its checkpoint is of a run with other settings or data: {message}"):
        refuse_foreign(made(tmp_path / "b", **changes), noted, 2)


def test_another_history_is_named(tmp_path: Path) -> None:
    noted = belonging(made(tmp_path / "a"), 2)
    run = made(tmp_path / "b")
    (run.path / "history.jsonl").write_text('{"epoch": 1}\n{"epoch": 2, "seconds": 1}\n')
    with pytest.raises(RunError, match="its checkpoint is of a run with another history of its first 2 epochs"):
        refuse_foreign(run, noted, 2)


@pytest.mark.parametrize("noted", [None, 3, {}, {"run": "x", "history": ""}, {"run": "3", "history": 1}, {"run": "{}"}])
def test_whatever_else_stands_there_is_refused(noted: object, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="its checkpoint does not say of which run it is"):
        refuse_foreign(made(tmp_path / "a"), noted, 2)


def _another_seed(run: Path, other: Path) -> None:
    shutil.rmtree(run / "checkpoint")
    shutil.copytree(other / "checkpoint", run / "checkpoint")


def _other_epochs(run: Path, other: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["config"]["schedule"]["epochs"] = 5
    (run / "config.json").write_text(json.dumps(config))


def _other_history(run: Path, other: Path) -> None:
    shutil.copyfile(other / "history.jsonl", run / "history.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_another_seed, r"other settings or data: seed \(--seed\) is 1, not 0"),
        (_other_epochs, r"other settings or data: schedule.epochs \(--epochs\) is 3, not 5"),
        (_other_history, "another history of its first 3 epochs"),
    ],
)
def test_a_training_does_not_go_on_with_a_mixture(
    change: Callable[[Path, Path], None], message: str, training_run: Path, other_seed: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    (run / "last.safetensors").unlink()
    change(run, other_seed)
    config = tiny("schedule.epochs=5") if change is _other_epochs else tiny()
    with pytest.raises(RunError, match=f"its checkpoint is of a run with {message}"):
        run_training(GENOTYPE, config, run, resume=True, device="cpu")


def test_checkpoints_of_before_do_not_say_whose_they_are_and_are_taken(training_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    (run / "last.safetensors").unlink()
    for path in (run / "checkpoint").iterdir():
        state = torch.load(path, weights_only=True)
        del state["belonging"]
        torch.save(state, path)
    run_training(GENOTYPE, tiny(), run, resume=True, device="cpu")
    assert_same(run, training_run)


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other") / "seed"
    run_training(GENOTYPE, tiny("schedule.epochs=3").model_copy(update={"seed": 1}), folder, device="cpu")
    return folder
