"""The model card: what is known of a net, and no claim beyond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

import genocc
from genocc import Genotype, NetworkConfig, weights
from genocc.exporters.package.card import Facts, card
from genocc.provenance import Provenance
from genocc.training.result import TrainResult
from genocc.training.training import run_training
from tests.training.tiny import GENOTYPE, tiny

SMALL = NetworkConfig(channels=4, layers=2, input_size=(8, 8), classes=7)


def written(where: Path | Genotype, config: NetworkConfig | None = None, **options: Any) -> tuple[dict[str, Any], str]:
    """Metadata and text of a card."""
    source = genocc.Source.of(where) if isinstance(where, Genotype) else genocc.open(where)
    fields = {"weights": None, "license": None, "openvino": False, **options}
    text = card(Facts.of(source, config, **fields), [])
    _, block, rest = text.split("---\n", 2)
    return yaml.safe_load(block), rest


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("training") / "held-out"
    run_training(GENOTYPE, tiny("data.validation=20", "schedule.epochs=1"), run, device="cpu")
    return run


def test_an_untrained_net_claims_nothing(darts_v2: Genotype) -> None:
    metadata, text = written(darts_v2, SMALL)
    assert "model-index" not in metadata
    assert "metrics" not in metadata
    assert metadata["license"] == "unknown"
    assert "**The weights are untrained**" in text
    assert "None: the net is untrained." in text
    assert "top-1" not in text
    assert "a mean and a deviation are not known" in text
    assert "| Source | quark0/darts cnn/genotypes.py |" in text.replace("\\", "")
    total = genocc.count(darts_v2, SMALL).total
    assert f"| Parameters | {total.parameters:,} |" in text
    assert f"| MACs | {total.macs:,} (" in text


def test_given_weights_are_trained_by_others(darts_v2: Genotype, tmp_path: Path) -> None:
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "w.safetensors")
    metadata, text = written(darts_v2, SMALL, weights=tmp_path / "w.safetensors", license="cc-by-4.0")
    assert "model-index" not in metadata
    assert "untrained" not in text
    assert text.count("Not known") == 2
    assert metadata["license"] == "cc-by-4.0"
    assert "The weights are under `cc-by-4.0`, says who packaged them." in text


def test_images_are_those_that_the_file_of_given_weights_was_trained_on(training_run: Path) -> None:
    """Without its mean and deviation, the card's program would feed the net other images."""
    known = genocc.open(training_run).provenance
    assert known is not None
    assert known.normalization is not None
    weights = training_run / "best.safetensors"
    _, text = written(known.genotype, known.config.model_copy(update={"auxiliary": False}), weights=weights)
    assert "are not known" not in text
    assert f"mean = np.array({list(known.normalization[0])}, dtype=np.float32)" in text
    assert "classes = json.load(file)" in text
    assert text.count("Not known") == 2


def test_a_file_of_untrained_weights_says_so(training_run: Path, tmp_path: Path) -> None:
    net = Provenance.from_metadata(weights.metadata(training_run / "best.safetensors"), "run")
    made = tmp_path / "untrained.safetensors"
    genocc.compile(net.genotype, SMALL, to="torch", output=made, seed=3)
    _, text = written(net.genotype, SMALL, weights=made)
    assert "**The weights are untrained**: they come from an initialization with seed 3." in text


def test_the_best_on_the_test_images_is_called_optimistic(training_run: Path) -> None:
    metadata, text = written(training_run)
    best = TrainResult.read(training_run).best_top1
    (model,) = metadata["model-index"]
    (result,) = model["results"]
    assert result["dataset"] == {"name": "fake", "type": "fake", "split": "test"}
    value = result["metrics"][0]["value"]
    assert f"{value:.2f}% |" in text
    assert round(100 * best, 2) == value
    assert "makes the figure\noptimistic" in text
    assert "untrained" not in text
    assert "drop path 0.3, label smoothing 0.1, cutout 3, average of the weights 0.8" in text
    assert "openvino" not in metadata["tags"]
    assert "How they were found is not recorded." in text


def test_held_out_images_are_said_to_have_chosen_the_epoch(held_out: Path) -> None:
    metadata, text = written(held_out)
    assert "the best on held-out training images; the test images were looked at once" in text
    assert "optimistic" not in text
    assert len(metadata["model-index"][0]["results"][0]["metrics"]) == 2


def test_a_search_is_named(darts_v2: Genotype) -> None:
    metadata = {"method": "gdas", "genocc": "0.1.0", "seed": 3, "epochs": 12, "images": {"name": "cifar10"}}
    _, text = written(darts_v2.model_copy(update={"metadata": metadata}), SMALL)
    for row in ("| Method | gdas, genocc 0.1.0 |", "| Seed | 3 |", "| Epochs | 12 |", "| Data | cifar10 |"):
        assert row in text.replace("\\", "")


def test_names_stay_text(darts_v2: Genotype) -> None:
    name = "<img src=x> | `a` *b* [c](d) # ---"
    metadata, text = written(darts_v2.model_copy(update={"name": name, "metadata": {"source": "a|b"}}), SMALL)
    assert "# \\<img src=x\\> \\| \\`a\\` \\*b\\* \\[c\\]\\(d\\) \\# ---\n" in text
    assert "| Source | a\\|b |" in text
    assert metadata["pipeline_tag"] == "image-classification"


def test_images_of_other_channels_come_from_an_array(darts_v2: Genotype) -> None:
    _, text = written(darts_v2, SMALL.model_copy(update={"input_channels": 5}))
    assert 'np.load("image.npy")  # float32 in 0..1, (8, 8, 5)' in text
    assert "PIL" not in text
    assert 'convert("L")' in written(darts_v2, SMALL.model_copy(update={"input_channels": 1}))[1]
