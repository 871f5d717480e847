"""The model card: README.md in the form of the Hugging Face Hub, of what is known about a net and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from genocc.compiler import Compilation, trained_by
from genocc.counting import Counts, count
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.provenance import Normalization
from genocc.runs.costs import format_duration
from genocc.runs.epochs import kept_accuracies
from genocc.runs.images import IMAGES
from genocc.source import Source
from genocc.training.result import TrainResult
from genocc.version import __version__

CARD, LICENSE, GENOTYPE, CELLS, CLASSES = "README.md", "LICENSE", "genotype.json", "cells.svg", "classes.json"
WEIGHTS, ONNX, SOURCE, OPENVINO = "model.safetensors", "model.onnx", "network.py", "openvino_model.xml"

HUB_DATASETS = {"cifar10": "uoft-cs/cifar10", "cifar100": "uoft-cs/cifar100"}
"""Our data sets that the Hub has under a name of its own."""
_NO_CROP = 96
"""Height and width up to which images are never cropped (`genocc.data.image_folder`)."""


@dataclass(frozen=True)
class Facts:
    """What is known of a net.

    Attributes:
        genotype: Its cells.
        config: The network around them.
        counts: Of the inference net.
        weights: ``run``: of ``result``; ``file``: given, and nothing is known of them but what their file says;
            ``none``: untrained.
        result: The training; None where there was none, or none that is known.
        class_names: In the order of the outputs; empty where they are not known.
        normalization: Mean and deviation per channel of images in 0..1; None where they are not known.
        seed: Of untrained weights.
        license: Of the weights, as the Hub names it; None: not stated.
        openvino: Whether the package has files for OpenVINO.
    """

    genotype: Genotype
    config: NetworkConfig
    counts: Counts
    weights: str
    result: TrainResult | None
    class_names: tuple[str, ...]
    normalization: Normalization | None
    license: str | None
    openvino: bool
    seed: int = 0

    @classmethod
    def of(
        cls,
        source: Source,
        config: NetworkConfig | None,
        weights: str | Path | None,
        license: str | None,
        openvino: bool,
    ) -> Facts:
        """Returns what a source says; raises GenoccError where it cannot be read, or its training is not finished."""
        known, is_run = trained_by(source, weights), source.provenance is not None
        result = TrainResult.read(source.where) if is_run else None
        untrained = weights is None if known is None else known.seed is not None
        return cls(
            genotype=source.genotype,
            config=source.network(config),
            counts=count(source, config),
            weights="run" if is_run else "none" if untrained else "file",
            result=result,
            class_names=known.class_names if known else (),
            normalization=known.normalization if known else None,
            license=license,
            openvino=openvino,
            seed=known.seed or 0 if known else 0,
        )


def card(facts: Facts, compilations: Sequence[Compilation]) -> str:
    """Returns the text of the card."""
    from jinja2 import Environment, StrictUndefined

    template = files(__package__).joinpath("templates", "card.md.j2").read_text(encoding="utf-8")
    environment = Environment(  # noqa: S701 (Markdown: `_escaped` is its escaping)
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["md"] = _escaped
    differences = [found.verification.max_rel for found in compilations if found.verification]
    return environment.from_string(template).render(
        facts=facts,
        metadata=yaml.safe_dump(_metadata(facts), sort_keys=False, allow_unicode=True).strip(),
        names={
            "weights": WEIGHTS, "onnx": ONNX, "source": SOURCE, "openvino": OPENVINO, "genotype": GENOTYPE,
            "cells": CELLS, "classes": CLASSES, "license": LICENSE,
        },
        module=SOURCE.removesuffix(".py"),
        found=_found(facts.genotype.metadata),
        accuracy=_accuracy(facts.result) if facts.result else None,
        trained=_trained(facts.result) if facts.result else [],
        bleed=_bleed(facts),
        difference=max(differences) if differences else None,
        version=__version__,
    )  # fmt: skip


def _metadata(facts: Facts) -> dict[str, Any]:
    """The block that the Hub reads; results only of a training, on its test images."""
    metadata: dict[str, Any] = {
        "license": facts.license or "unknown",
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": [
            "image-classification", "pytorch", "onnx", *(["openvino"] if facts.openvino else []),
            "neural-architecture-search", "genocc",
        ],
    }  # fmt: skip
    if facts.result is None:
        return metadata
    data = facts.result.config.data.name
    if data in HUB_DATASETS:
        metadata["datasets"] = [HUB_DATASETS[data]]
    accuracy = _accuracy(facts.result)
    values = [
        {"type": "accuracy", "name": name, "value": round(100 * accuracy[key], 2)}
        for name, key in (("Top-1 accuracy (%)", "top1"), ("Top-5 accuracy (%)", "top5"))
        if accuracy[key] is not None
    ]
    dataset = {"name": data, "type": HUB_DATASETS.get(data, data), "split": "test"}
    result = {"task": {"type": "image-classification"}, "dataset": dataset, "metrics": values}
    return {**metadata, "metrics": ["accuracy"], "model-index": [{"name": facts.genotype.name, "results": [result]}]}


def _accuracy(result: TrainResult) -> dict[str, Any]:
    """Accuracies of the packaged weights on the test images, and how their epoch was chosen."""
    held_out = result.test is not None
    found: Mapping[str, Any] = kept_accuracies(result.best) if result.test is None else result.test
    return {
        "top1": float(found["top1"]),
        "top5": None if found.get("top5") is None else float(found["top5"]),
        "images": found.get("images"),
        "held_out": held_out,
        "epoch": result.best["epoch"],
        "epochs": len(result.history),
        "last": result.last_top1,
    }


def _found(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How a genotype was found: what a search of genocc, the zoo or an import has noted in its metadata."""
    rows = []
    if "method" in metadata and "genocc" in metadata:
        rows += [("Method", f"{metadata['method']}, genocc {metadata['genocc']}")]
        rows += [(name.capitalize(), str(metadata[name])) for name in ("seed", "epochs", "draws") if name in metadata]
        if isinstance(images := metadata.get(IMAGES), Mapping) and "name" in images:
            rows.append(("Data", str(images["name"])))
    elif "source" in metadata:
        rows.append(("Source", str(metadata["source"])))
        if "original_name" in metadata:
            rows.append(("Name there", str(metadata["original_name"])))
    elif "dialect" in metadata:
        rows.append(("Imported from", f"a text in the form of {metadata['dialect']}"))
    return rows


def _trained(result: TrainResult) -> list[tuple[str, str]]:
    config = result.config
    optimizer, regularization, schedule = config.optimizer, config.regularization, config.schedule
    rows = [
        ("Data", config.data.name),
        ("Preset", f"{config.preset}, seed {config.seed}"),
        ("Epochs", f"{len(result.history)}, batches of {schedule.batch_size}"),
        (
            "Optimizer",
            f"SGD, learning rate {optimizer.learning_rate:g} to {optimizer.learning_rate_end:g} ({schedule.decay}), "
            f"momentum {optimizer.momentum:g}, weight decay {optimizer.weight_decay:g}",
        ),
    ]
    regular = {
        "drop path": regularization.drop_path, "label smoothing": regularization.label_smoothing,
        "cutout": config.data.cutout, "average of the weights": config.average.decay,
        "auxiliary head": regularization.auxiliary_weight if config.network.auxiliary else 0,
    }  # fmt: skip
    if stated := [f"{name} {value:g}" for name, value in regular.items() if value]:
        rows.append(("Regularization", ", ".join(stated)))
    rows.append(("Precision", config.compute.precision))
    rows.append(("Time", format_duration(result.seconds)))
    if devices := result.costs.devices:
        rows.append(("Device", "; ".join(devices)))
    return rows


def _bleed(facts: Facts) -> float:
    """Border that accuracies leave out, as a share of each side: what Pillow's `ImageOps.fit` calls so."""
    data = facts.result.config.data if facts.result else None
    crops = data is not None and data.name == "imagefolder" and max(facts.config.input_size) > _NO_CROP
    return (1 - data.center_crop) / 2 if data and crops and data.center_crop else 0.0


def _escaped(text: object) -> str:
    """A text as it must stand within a line of Markdown, not at its start, whatever is in it."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", line)
