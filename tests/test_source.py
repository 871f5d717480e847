"""GENOTYPE: whatever it names is looked up when it is asked for, and once."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import genocc
from genocc import Genotype, NetworkConfig, Source
from genocc.errors import FileError, GenoccError, GenotypeError, NetworkError, RunError
from genocc.exporters.torch import load as load_net
from genocc.provenance import Provenance
from genocc.runs.reading import CONFIG, HISTORY, SEARCH, SEARCH_SEEDS
from tests.training.tiny import GENOTYPE


@pytest.fixture
def standard_input(darts_v2: Genotype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(darts_v2.dumps().encode())))


@pytest.mark.usefixtures("standard_input")
def test_every_kind_of_source_is_the_same_genotype(darts_v2: Genotype, tmp_path: Path) -> None:
    darts_v2.save(tmp_path / "genotype.json")
    for where in ("zoo:darts-v2", tmp_path / "genotype.json", tmp_path, "-"):
        assert genocc.open(where).genotype == darts_v2
    assert Source.of(darts_v2).genotype is darts_v2
    source = genocc.open("-")
    assert Source.of(source) is source


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_file_with_a_byte_order_mark_is_read(darts_v2: Genotype, encoding: str, tmp_path: Path) -> None:
    """PowerShell writes UTF-16 where a command's output is sent to a file."""
    (tmp_path / "genotype.json").write_bytes(darts_v2.dumps().encode(encoding))
    assert genocc.open(tmp_path / "genotype.json").genotype == darts_v2


def test_a_text_of_another_program_names_the_command_that_reads_it(tmp_path: Path) -> None:
    (tmp_path / "genotypes.py").write_text("A = Genotype(normal=[])")
    with pytest.raises(GenotypeError, match=r"not JSON: .*; `genocc import` reads what other programs write"):
        _ = genocc.open(tmp_path / "genotypes.py").genotype


@pytest.mark.usefixtures("standard_input")
def test_standard_input_is_read_once(darts_v2: Genotype) -> None:
    source = genocc.open("-")
    assert genocc.count(source).total == genocc.count(source).total == genocc.count(darts_v2).total


def test_opening_reads_nothing(tmp_path: Path) -> None:
    source = genocc.open(tmp_path / "later.json")
    with pytest.raises(FileError, match=r"later\.json: no such file"):
        _ = source.genotype
    GENOTYPE.save(tmp_path / "later.json")
    assert source.genotype == GENOTYPE


def test_only_a_training_has_a_net(darts_v2: Genotype, tmp_path: Path) -> None:
    darts_v2.save(tmp_path / "genotype.json")
    for source in (genocc.open("zoo:darts-v2"), genocc.open(tmp_path), genocc.open("-"), Source.of(darts_v2)):
        assert source.provenance is None
        assert source.weights is None
        assert source.network(channels=8, layers=None) == NetworkConfig(channels=8)
        assert source.network(NetworkConfig(layers=3)) == NetworkConfig(layers=3)


def test_a_training_says_which_net_was_trained(training_run: Path) -> None:
    source = genocc.open(training_run)
    assert source.genotype == GENOTYPE
    assert source.weights == training_run / "best.safetensors"
    assert source.provenance is not None
    assert source.provenance.normalization == ((0.5,) * 3, (0.25,) * 3)
    trained = source.network()
    assert (trained.channels, trained.layers, trained.input_size) == (4, 3, (8, 8))
    assert source.network(trained) == source.network(channels=4, input_size=(8, 8)) == trained


@pytest.mark.parametrize("field", [{"channels": 8}, {"input_size": (8, 9)}, {"skeleton": "imagenet"}, {"classes": 3}])
def test_a_training_is_not_contradicted(field: dict[str, Any], training_run: Path) -> None:
    (name,) = field
    source = genocc.open(training_run)
    with pytest.raises(NetworkError, match=f"^{name}: found .*; the net that was trained in {training_run} has "):
        source.network(**field)
    with pytest.raises(NetworkError, match=f"the net that was trained in {training_run} has "):
        genocc.count(source, NetworkConfig.make(**field))


def test_fields_are_those_of_the_skeleton_that_was_trained(darts_v2: Genotype) -> None:
    source, trained = genocc.open("run"), NetworkConfig.make(skeleton="imagenet")
    vars(source)["provenance"] = Provenance(darts_v2, trained)
    assert source.network(stem_stride=8, layers=14) == trained


def test_counts_are_of_the_net_that_was_trained(training_run: Path) -> None:
    counts, trained = genocc.count(genocc.open(training_run)), load_net(training_run / "best.safetensors")
    assert counts.config == trained.config
    assert (counts.training or counts.total).parameters == sum(tensor.numel() for tensor in trained.parameters())


def test_an_unfinished_training_has_a_network_but_no_weights(training_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    (run / "last.safetensors").unlink()
    source = genocc.open(run)
    assert source.network().channels == 4
    with pytest.raises(RunError, match=f"a training that is not finished; go on with genocc train --out {run}"):
        _ = source.weights
    (run / "best.safetensors").unlink()
    with pytest.raises(RunError, match="is missing, though epochs have ended"):
        genocc.open(run).network()


def test_a_folder_without_a_genotype_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"a folder without genotype\.json; expected a genotype file or a run folder"):
        genocc.load(tmp_path)


def test_an_epoch_of_a_search_is_what_it_would_have_derived_then(darts_v2: Genotype, tmp_path: Path) -> None:
    run = search_run(tmp_path / "a", darts_v2, GENOTYPE)
    assert genocc.load(f"{run}@1") == darts_v2
    assert genocc.load(f"{run}@2") == GENOTYPE
    source = genocc.open(f"{run}@2")
    assert (source.provenance, source.weights) == (None, None)
    assert genocc.count(source).total == genocc.count(GENOTYPE).total


def test_a_file_or_folder_of_such_a_name_is_itself(darts_v2: Genotype, tmp_path: Path) -> None:
    run = search_run(tmp_path / "a", GENOTYPE)
    darts_v2.save(tmp_path / "a@1")  # beside a run that has such an epoch
    assert genocc.load(tmp_path / "a@1") == darts_v2
    (tmp_path / "b@1").mkdir()
    darts_v2.save(tmp_path / "b@1" / "genotype.json")
    assert genocc.load(tmp_path / "b@1") == darts_v2
    run.rename(tmp_path / "c@2")
    assert genocc.load(tmp_path / "c@2@1") == GENOTYPE


def test_epochs_that_are_none_are_named(darts_v2: Genotype, training_run: Path, tmp_path: Path) -> None:
    run = search_run(tmp_path / "a", darts_v2, darts_v2)
    for epoch in (0, 3):
        with pytest.raises(RunError, match=rf"a@{epoch}: no such epoch; the search has 1 to 2"):
            genocc.load(f"{run}@{epoch}")
    with pytest.raises(RunError, match="no such epoch; the search has none yet"):
        genocc.load(f"{search_run(tmp_path / 'empty')}@1")
    with pytest.raises(RunError, match="a run of `genocc train`; only a search has a genotype per epoch"):
        genocc.load(f"{training_run}@1")
    several = search_run(tmp_path / "several", command=SEARCH_SEEDS)
    with pytest.raises(RunError, match=r"several searches; name one of them, such as .*several/seed-0@4"):
        genocc.load(f"{several}@4")
    with pytest.raises(FileError, match=r"nowhere@1: no such file"):
        genocc.load(tmp_path / "nowhere@1")
    with pytest.raises(RunError, match=r"no run in it"):
        genocc.load(f"{tmp_path}@1")
    with open(run / HISTORY, "a", encoding="utf-8") as stream:
        stream.write('{"epoch": 3}\n')
    with pytest.raises(GenotypeError, match=r"a/history\.jsonl: line 3: genotype"):
        genocc.load(f"{run}@3")


def search_run(folder: Path, *genotypes: Genotype, command: str = SEARCH) -> Path:
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps({"command": command, "config": {}}))
    lines = (
        json.dumps({"epoch": number, "genotype": one.model_dump(mode="json", exclude_none=True)})
        for number, one in enumerate(genotypes, start=1)
    )
    (folder / HISTORY).write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.mark.parametrize("call", [genocc.count, lambda text: genocc.compile(text, to="onnx", output="net.onnx")])
def test_a_name_where_a_genotype_belongs_gets_the_call_that_opens_it(call: Any) -> None:
    with pytest.raises(GenoccError, match=r"found 'zoo:darts-v2' \(str\); expected a Genotype, or what genocc\.open"):
        call("zoo:darts-v2")
