"""What tests of the Python target do with a source: run it, compare it, let ruff judge it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from genocc import Genotype, NetworkConfig, lower
from genocc.exporters.python.exporter import source
from tests.reference import evaluate, random_image, random_parameters, relative_error
from tests.sample_data import ROOT

PROJECT = ROOT / "pyproject.toml"
EXACT = 1e-10

SMALL = {
    "cifar": NetworkConfig(channels=4, layers=5, classes=3, input_size=(32, 29), auxiliary=True),
    "imagenet": NetworkConfig.make(
        skeleton="imagenet", channels=4, layers=4, classes=3, input_size=(75, 66), stem_stride=2, auxiliary=True
    ),
}
TINY = NetworkConfig(channels=4, layers=3, classes=3, input_size=(9, 8))


def run(text: str) -> ModuleType:
    """Returns the module of a source."""
    module = ModuleType("net")
    exec(text, module.__dict__)
    return module


def tensor_names(net: nn.Module) -> set[str]:
    """Returns the names of a net's weights."""
    return {name for name in net.state_dict() if not name.endswith("num_batches_tracked")}


def check(genotype: Genotype, config: NetworkConfig, seed: int = 0) -> None:
    """Compares a source with the independent evaluation of the graph, in float64, inferring and training."""
    module = run(source(genotype, config))
    net: nn.Module = module.Network().double()
    training, inference = (lower(genotype, config, training=mode) for mode in (True, False))
    assert tensor_names(net) == {*training.parameters(), *training.buffers()}
    arrays = random_parameters(training, seed)
    module.load_weights(net, {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()})
    image = random_image(training, 3, seed)
    for mode, graph in ((False, inference), (True, training)):
        expected = evaluate(graph, arrays, image, training=mode)
        with torch.no_grad():
            outputs = net.train(mode)(torch.from_numpy(image))
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        found = {key: value.numpy() for key, value in zip(graph.outputs, outputs, strict=True)}
        assert relative_error(found, expected) < EXACT


def assert_tidy(*paths: Path) -> None:
    """Lets ruff judge sources: its own line length and this project's, its own rules and this project's."""
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        [*ruff, "format", "--diff", "--isolated"],
        [*ruff, "format", "--diff", "--isolated", "--line-length", "120"],
        [*ruff, "check", "--no-cache", "--isolated"],
        [*ruff, "check", "--no-cache", "--config", str(PROJECT)],
    ):
        result = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
