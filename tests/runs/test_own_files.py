"""A run folder with another run's genotype or weights says so, in whatever reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import genocc
from genocc import Genotype
from genocc.compiler import compile_net
from genocc.errors import GenoccError, RunError
from genocc.nn.target_net import TargetNet, save
from genocc.provenance import Provenance
from genocc.results.run_data import RunData
from genocc.runs.own_files import check_genotype, check_weights
from genocc.training.result import TrainResult
from tests.exporters.runs import write_search
from tests.training.tiny import GENOTYPE

READERS: dict[str, Callable[[Path], object]] = {
    "evaluate": lambda run: genocc.evaluate(run),
    "count": lambda run: genocc.count(genocc.open(run)),
    "compile": lambda run: compile_net(genocc.open(run)),
    "result": TrainResult.read,
    "report": RunData.read,
}


def described(run: Path, **changes: object) -> Provenance:
    """Provenance of a run's best weights, with other fields of the network."""
    found = genocc.open(run).provenance
    assert found is not None
    config = found.config.model_copy(update=changes)
    return Provenance(found.genotype, config, class_names=found.class_names, normalization=found.normalization)


def swapped(genotype: Genotype) -> Genotype:
    """Cells of the same tensors whose concat has another order."""
    cells = {kind: cell.model_copy(update={"concat": cell.concat[::-1]}) for kind, cell in genotype.cells.items()}
    return genotype.model_copy(update={"cells": cells})


@pytest.mark.parametrize("reader", READERS)
def test_weights_of_another_net_are_named_by_all_that_reads_them(
    reader: str, training_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    own = described(run)
    other = TargetNet(swapped(GENOTYPE), own.config)
    provenance = Provenance(other.genotype, own.config, class_names=own.class_names, normalization=own.normalization)
    save(other, run / "best.safetensors", provenance)
    with pytest.raises(RunError, match=r"best.safetensors: is of another training: its cells are those of 'tiny'"):
        READERS[reader](run)


def test_weights_of_another_network_or_of_other_classes_are_named(training_run: Path) -> None:
    own = described(training_run)
    check_weights(training_run, own)
    check_weights(training_run, Provenance(own.genotype, own.config))
    for changes, found in (
        ({"layers": 4}, "its layers are 4, the run's 3"),
        ({"channels": 8}, "its channels are 8, the run's 4"),
        ({"auxiliary": True}, "its auxiliary are true, the run's false"),
    ):
        with pytest.raises(RunError, match=found):
            check_weights(training_run, described(training_run, **changes))
    turned = Provenance(own.genotype, own.config, class_names=own.class_names[::-1])
    with pytest.raises(RunError, match=r'its classes are \["colour 9", '):
        check_weights(training_run, turned)


@pytest.mark.parametrize("reader", ["count", "compile", "report"])
def test_another_genotype_in_a_training_is_named(reader: str, training_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    (run / "genotype.json").write_text(swapped(GENOTYPE).dumps())
    with pytest.raises(
        RunError, match=r"genotype.json: its cells are not those that config.json trains; put the run's"
    ):
        READERS[reader](run)


def test_another_genotype_in_a_search_is_named_by_the_epoch_that_it_ends_with(tmp_path: Path) -> None:
    run, several = tmp_path / "run", tmp_path / "several"
    genotype = write_search(run)
    assert genocc.load(run).cells == genotype.cells
    renamed = genotype.model_copy(update={"name": "mine", "metadata": {"a": 1}})
    check_genotype(run, renamed)
    (run / "genotype.json").write_text(swapped(genotype).dumps())
    with pytest.raises(RunError, match=r"genotype.json: its cells are not those that history.jsonl ends with"):
        genocc.load(run)
    assert genocc.load(f"{run}@4").cells == genotype.cells
    (run / "history.jsonl").unlink()
    assert genocc.load(run).cells == swapped(genotype).cells, "without a history nothing is known"
    write_search(several / "seed-0")
    (several / "config.json").write_text(json.dumps({"command": "search --seeds", "config": {"seeds": 1}}))
    (several / "genotype.json").write_text(genotype.dumps())
    assert genocc.load(several).cells == genotype.cells
    (several / "genotype.json").write_text(swapped(genotype).dumps())
    with pytest.raises(RunError, match=r"genotype.json: its cells are not those of any seed"):
        genocc.load(several)


def test_a_genotype_in_a_damaged_configuration_is_named(training_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    config = json.loads((run / "config.json").read_text())
    config["config"]["genotype"] = {"cells": 3}
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(GenoccError, match=r"config.json: genotype: \$.name: the field is missing"):
        genocc.load(run)


@pytest.mark.parametrize("reader", READERS)
def test_weights_of_another_seed_are_named_by_all_that_reads_them(
    reader: str, training_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    READERS[reader](run)
    own = genocc.open(run).provenance
    assert own is not None
    theirs = replace(own, training=own.training.replace('"seed": 0', '"seed": 1'))
    save(TargetNet(GENOTYPE, own.config, seed=1), run / "best.safetensors", theirs)
    with pytest.raises(RunError, match=r"best.safetensors: is of another training: its seed are 1, the run's 0"):
        READERS[reader](run)


def test_weights_of_other_settings_or_images_are_named_and_older_files_taken(training_run: Path) -> None:
    own = genocc.open(training_run).provenance
    assert own is not None
    said = json.loads(own.training)
    assert (said["schedule.epochs"], "data.folder" in said, "genotype.name" in said) == (3, False, False)
    for changes, found in (
        ({"schedule.epochs": 600}, "its schedule.epochs are 600, the run's 3"),
        ({"images": "0" * 16}, "its images are 0000000000000000, the run's "),
        ({"seed": None}, "its seed are null, the run's 0"),
    ):
        with pytest.raises(RunError, match=found):
            check_weights(training_run, replace(own, training=json.dumps({**said, **changes})))
    for text in ("[]", "{", '"seed"'):
        with pytest.raises(RunError, match="its settings are damaged"):
            check_weights(training_run, replace(own, training=text))
    for text in ("", "{}", json.dumps({"images": None, "future": 1})):
        check_weights(training_run, replace(own, training=text))
