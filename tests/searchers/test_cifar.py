"""All methods on real CIFAR-10 images: five cells, C = 4, two epochs."""

from pathlib import Path

import pytest

import genocc
from genocc import NetworkConfig
from genocc.searchers.config import SearchConfig
from genocc.searchers.search import run_search
from tests.searchers.small import METHODS

PER_CLASS = 24


OFTEN = ("darts", "entrannas-dst", "p-darts")
"""Methods that are tried each time: their nets differ most. The others search on digits in other tests."""


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=() if name in OFTEN else pytest.mark.full) for name in METHODS]
)
def test_every_method_searches_on_cifar(cifar_folder: Path, tmp_path: Path, method: str) -> None:
    overrides = [
        "supernet.channels=4",
        "supernet.layers=5",
        "schedule.epochs=2",
        "schedule.batch_size=60",
        "data.name=imagefolder",
        f"data.folder={cifar_folder}",
        "data.size=16",
        "data.training=0.5",
        "data.validation=0.5",
        *({"pc-darts": ["connection.partial=2", "schedule.warmup=0.5"]}.get(method, [])),
        *({"drnas": ["connection.partial=2", "schedule.partial=[1]", "schedule.warmup=0"]}.get(method, [])),
        *(["connection.bottleneck=2"] if method.startswith("entrannas") else []),
    ]
    result = run_search(SearchConfig.make(method, "cifar", overrides), tmp_path, device="cpu")
    assert result.config.data.training == 0.5
    assert len(result.history) == 2
    first, second = result.history
    assert all(0 < line["weights"]["loss"] < 20 for line in result.history)
    # both groups of parameters move; that it learns shows after more than these four steps, on the digits
    assert first["weights"]["loss"] != second["weights"]["loss"]
    assert first["coefficients"] != second["coefficients"]
    cells = result.genotype.cells
    if method != "entrannas-dst":
        assert {len(node) for cell in cells.values() for node in cell.nodes} == {2}
    net = NetworkConfig(channels=4, layers=5, input_size=(16, 16))
    assert genocc.count(result.genotype, net).compiled.macs > 0
