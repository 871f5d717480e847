"""The result of a training as its folder has it, and a folder that has none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import GenoccError, RunError
from genocc.nn import target_net
from genocc.provenance import Provenance
from genocc.runs.reading import CONFIG, HISTORY, RUN_BEST, RUN_LAST, read_history
from genocc.training.result import TrainResult, config_json, read_training
from tests.training.tiny import GENOTYPE, tiny


@pytest.fixture
def run(training_run: Path, tmp_path: Path) -> Path:
    """A copy of a finished run that may be changed."""
    return Path(shutil.copytree(training_run, tmp_path / "run"))


def rewrite(run: Path, tops: list[float]) -> list[dict[str, Any]]:
    """Gives the epochs other accuracies."""
    lines = [{**line, "average": {"top1": top, "top5": 1.0}} for line, top in zip(read_history(run), tops, strict=True)]
    (run / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return lines


def test_the_best_epoch_is_the_first_of_equals_by_the_averaged_weights(run: Path) -> None:
    lines = rewrite(run, [0.25, 0.75, 0.75])
    result = TrainResult.read(run)
    assert result.best == lines[1]
    assert (result.best_top1, result.last_top1) == (0.75, 0.75)
    plain = result.to_dict()
    assert plain["best"] == {"epoch": 2, "top1": 0.75, "top5": 1.0}
    assert plain["last"] == {"epoch": 3, "top1": 0.75, "top5": 1.0}
    assert plain["costs"]["seconds"] == plain["seconds"]
    assert plain["costs"]["gpu_days"] == 0
    assert plain["costs"]["peak_memory"] == max(line["costs"]["peak_memory"] for line in lines)
    assert plain["seconds"] == pytest.approx(sum(line["seconds"] for line in lines))
    assert (plain["weights"], plain["hash"]) == (str(run / RUN_BEST), GENOTYPE.hash)
    assert json.loads(json.dumps(plain)) == plain


def test_a_configuration_and_its_genotype_survive_config_json(run: Path) -> None:
    assert read_training(run) == (tiny(), GENOTYPE)
    assert json.loads((run / CONFIG).read_text())["config"] == json.loads(json.dumps(config_json(tiny(), GENOTYPE)))


def test_a_run_without_its_result_is_not_finished(run: Path) -> None:
    (run / RUN_LAST).unlink()
    with pytest.raises(RunError, match=f"not finished; go on with: genocc train --out {run} --resume"):
        TrainResult.read(run)


def test_weights_without_mean_and_deviation_are_not_the_trainings(run: Path) -> None:
    net = target_net.load(run / RUN_BEST)
    target_net.save(net, run / RUN_BEST, Provenance(GENOTYPE, net.config))
    with pytest.raises(RunError, match=r"best.safetensors: not what the training wrote; was it changed\?"):
        TrainResult.read(run)


def test_a_changed_configuration_is_named(run: Path) -> None:
    written = json.loads((run / CONFIG).read_text())
    del written["config"]["genotype"]
    (run / CONFIG).write_text(json.dumps(written))
    with pytest.raises(GenoccError):
        read_training(run)
