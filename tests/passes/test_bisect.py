"""The search for the pass that changes what is computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from genocc import Genotype, Graph, NetworkConfig, weights
from genocc.cli import app
from genocc.errors import InternalError
from genocc.exporters.bisection import bisect_passes
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.passes import PASSES, Parameters, Pass
from genocc.passes.bisect import bisect
from tests.reference import evaluate, random_image, random_parameters

SMALL = NetworkConfig(channels=4, layers=3, input_size=(16, 16))


class Scale(Pass):
    """A rewrite that is wrong by a factor."""

    name = "scale"

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        raise NotImplementedError

    def run(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        arrays: dict[str, Any] = {name: parameters[name] for name in parameters}
        arrays["stem.conv.weight"] = arrays["stem.conv.weight"] * self.factor
        return graph, Parameters.of(arrays)


class Break(Scale):
    """A rewrite that leaves no valid graph behind."""

    name = "break"

    def run(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        nodes = {f"{name}.renamed": node for name, node in graph.nodes.items()}
        return Graph(nodes, graph.outputs), parameters


@pytest.mark.parametrize(
    ("factor", "culprit"), [(1.0, None), (1 + 1e-12, None), (1 + 1e-7, "scale"), (np.nan, "scale")]
)
def test_the_first_pass_that_changes_the_logits_is_named(
    factor: float, culprit: str | None, darts_v2: Genotype
) -> None:
    graph = lower(darts_v2, SMALL)
    parameters, image = Parameters.of(random_parameters(graph)), random_image(graph)
    passes = [PASSES["remove-dead-code"], Scale(factor), PASSES["share-common-subexpressions"]]
    found = bisect(graph, parameters, passes, lambda g, p: evaluate(g, p, image)["logits"])
    assert found.culprit == culprit
    assert list(found.errors) == [step.name for step in passes[: 2 if culprit else 3]]
    assert found.errors["remove-dead-code"] == 0


def test_a_pass_that_breaks_the_graph_is_named(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, SMALL)
    parameters, image = Parameters.of(random_parameters(graph)), random_image(graph)
    with pytest.raises(InternalError, match="pass 'break'"):
        bisect(graph, parameters, [Break(1)], lambda g, p: evaluate(g, p, image)["logits"])


def test_all_passes_are_innocent(darts_v2: Genotype, tmp_path: Path) -> None:
    assert bisect_passes(darts_v2, SMALL, passes=list(PASSES)).culprit is None
    file = tmp_path / "w.safetensors"
    weights.save(initialize(lower(darts_v2, SMALL)), file)
    found = bisect_passes(darts_v2, SMALL, passes=list(PASSES), weights=file)
    assert list(found.errors) == list(PASSES)
    assert max(found.errors.values()) < 1e-10


def test_untrained_nets_hide_nothing_that_is_done_to_bn(darts_v2: Genotype, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that forgets the running mean, which is zero in the beginning, is found without trained weights."""
    run = type(PASSES["fold-batch-norm"]).run

    def forgetful(self: Pass, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        zeros = {n: np.zeros_like(parameters[n]) for n in parameters if n.endswith("running_mean")}
        return run(self, graph, Parameters.of({n: zeros.get(n, parameters[n]) for n in parameters}))

    monkeypatch.setattr(type(PASSES["fold-batch-norm"]), "run", forgetful)
    arguments = ["compile", "zoo:darts-v2", "--to", "onnx", "-o", "net.onnx", "--channels", "4", "--layers", "3"]
    arguments += ["--bisect", "--passes", "remove-dead-code,fold-batch-norm,relu-before-concat"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "fold-batch-norm is the first to change what is computed" in result.stdout
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(result.stdout)["culprit"] == "fold-batch-norm"
    assert not Path("net.onnx").exists()
