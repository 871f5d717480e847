"""Charts of benchmarks: every bar is there, and the same figures give the same bytes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from genocc import NetworkConfig
from genocc.errors import TargetError
from genocc.exporters.bench.backends import Backend
from genocc.exporters.bench.benchmark import Benchmark, Timing
from genocc.exporters.bench.charts import check_suffix, draw_benchmark

NAMES = ("eager", "traced", "genocc-onnx")


@pytest.fixture(scope="module")
def result() -> Benchmark:
    backends = tuple(Backend(name, f"about {name}", pytest.fail) for name in NAMES)
    timings = tuple(
        Timing(name, batch, 0.01 * (number + batch), 1.0, None)
        for batch in (1, 2)
        for number, name in enumerate(NAMES, start=1)
    )
    return Benchmark("darts-v2", NetworkConfig(), "a machine", 1, "cpu", {}, backends, timings)


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_charts(result: Benchmark, tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    draw_benchmark(result, one)
    draw_benchmark(result, two)
    assert one.read_bytes() == two.read_bytes()
    if suffix == ".svg":
        texts = {element.text for element in ElementTree.parse(one).iter("{http://www.w3.org/2000/svg}text")}
        assert {*NAMES, "batch 1", "batch 2", "20.00", "15.00"} <= texts  # milliseconds per image


def test_other_suffixes_are_refused_before_anything_is_timed() -> None:
    with pytest.raises(TargetError, match=r"x\.jpg: charts are drawn as \.svg, \.pdf, \.png; found suffix '\.jpg'"):
        check_suffix(Path("x.jpg"))
