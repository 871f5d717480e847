"""What holds for every pass, found in the registry: same results, nothing left to do, no more than it declares."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Genotype, Graph, NetworkConfig, lower
from genocc.errors import GenoccError, NetworkError
from genocc.passes import COUNTED, PASSES, Parameters, Pass, run_passes, select
from genocc.passes.pad_channels import PadChannels
from genocc.targets import exporters
from tests.reference import evaluate, random_image, random_parameters, relative_error
from tests.strategies import genotypes, networks

ROOT = Path(__file__).parent.parent.parent

VARIANTS = {**PASSES, "pad-channels to 4": PadChannels(block=4, lanes=2, growth=np.inf)}
"""Every pass; in nets as small as those of tests the limit of growth would keep pad-channels from doing anything."""

PIPELINES = {
    "all": list(PASSES.values()),
    "all, padded": [*list(PASSES.values())[:-1], VARIANTS["pad-channels to 4"]],
    **{target.name: select(target.passes, PASSES) for target in exporters().values()},
}


def lowered(genotype: Genotype, config: NetworkConfig, training: bool = False) -> Graph:
    config = config.model_copy(update={"auxiliary": training})
    try:
        return lower(genotype, config, training=training)
    except NetworkError:  # too small for an auxiliary head
        return lower(genotype, config.model_copy(update={"auxiliary": False}), training=training)


def check(graph: Graph, passes: Sequence[Pass], *, training: bool = False) -> Graph:
    """Runs the passes and checks results and idempotence; returns the new graph."""
    arrays, image = random_parameters(graph, seed=1), random_image(graph, seed=2)
    expected = evaluate(graph, arrays, image, training=training)
    result, parameters = run_passes(graph, Parameters.of(arrays), passes, training=training)
    found = evaluate(result, parameters, image, training=training)
    names = ", ".join(step.name for step in passes)
    assert relative_error(found, expected) < 1e-10, names
    assert all(parameters[name].dtype == np.float64 for name in parameters), names
    assert set(parameters) == {*result.parameters(), *result.buffers()}, names
    assert str(run_passes(result, parameters, passes)[0]) == str(result), f"{names}: a second run changes something"
    assert str(run_passes(graph, Parameters.absent(graph), passes)[0]) == str(result), f"{names}: depends on arrays"
    for name in result.nodes.keys() - graph.nodes.keys():
        assert any(name.startswith(f"{old}.") for old in graph.nodes), (
            f"{names}: %{name} does not tell where it is from"
        )
    return result


@settings(max_examples=25)
@given(genotypes(max_nodes=5, zeros=True), networks())
def test_every_pass_alone(genotype: Genotype, config: NetworkConfig) -> None:
    graph = lowered(genotype, config)
    for step in VARIANTS.values():
        result = check(graph, [step])
        if not step.grows:
            assert macs(result) <= macs(graph), step.name
            assert weights(result) <= weights(graph), step.name


@settings(max_examples=25)
@given(genotypes(max_nodes=5, zeros=True), networks(), st.sets(st.sampled_from(list(VARIANTS)), min_size=2))
def test_pipelines(genotype: Genotype, config: NetworkConfig, chosen: set[str]) -> None:
    graph = lowered(genotype, config)
    if "pad-channels to 4" in chosen:  # of two settings of one pass, the first finds more to pad after the second
        chosen = chosen - {"pad-channels"}
    for passes in (*PIPELINES.values(), [step for name, step in VARIANTS.items() if name in chosen]):
        check(graph, passes)


@settings(max_examples=10)
@given(genotypes(max_nodes=4, zeros=True), networks(), st.permutations(list(VARIANTS)))
def test_any_order(genotype: Genotype, config: NetworkConfig, names: list[str]) -> None:
    graph = lowered(genotype, config)
    arrays, image = random_parameters(graph), random_image(graph)
    result, parameters = run_passes(graph, Parameters.of(arrays), [VARIANTS[name] for name in names])
    assert relative_error(evaluate(result, parameters, image), evaluate(graph, arrays, image)) < 1e-10


@settings(max_examples=15)
@given(genotypes(max_nodes=4, zeros=True), networks())
def test_training(genotype: Genotype, config: NetworkConfig) -> None:
    """In training BN uses the statistics of the batch, drop path stays where it is, and the auxiliary head remains."""
    graph = lowered(genotype, config, training=True)
    valid = [step for step in PASSES.values() if step.training]
    for passes in ([step] for step in valid):
        result = check(graph, passes, training=True)
        drops = [name for name, node in result.nodes.items() if node.primitive.kind == "drop_path"]
        live = run_passes(graph, Parameters.absent(graph), [PASSES["remove-dead-code"]])[0]
        assert set(drops) >= {name for name, node in live.nodes.items() if node.primitive.kind == "drop_path"}
    check(graph, valid, training=True)


@pytest.mark.parametrize("step", [step for step in PASSES.values() if not step.training], ids=lambda step: step.name)
def test_passes_for_inference_are_refused_in_training(step: Pass, darts_v2: Genotype) -> None:
    graph = lower(darts_v2, NetworkConfig.make(channels=4, layers=2), training=True)
    with pytest.raises(GenoccError, match=f"'{step.name}' holds in inference only"):
        run_passes(graph, Parameters.absent(graph), [step], training=True)


@pytest.mark.parametrize("step", PASSES.values(), ids=lambda step: step.name)
def test_every_pass_is_documented_and_tested(step: Pass) -> None:
    """One file, one test, one section in the documentation for each; a summary for the command line."""
    module = Path(inspect.getfile(type(step)))
    assert module.stem == step.name.replace("-", "_")
    assert (Path(__file__).parent / f"test_{module.stem}.py").exists()
    assert re.search(rf"^## {step.name}$", (ROOT / "docs" / "passes.md").read_text(encoding="utf-8"), re.M)
    assert step.summary.endswith(".")
    assert len(step.summary) < 120
    words = " ".join((inspect.getdoc(type(step)) or "").split())
    assert ("olds in inference only" in words, "olds in training" in words) == (not step.training, step.training)


def test_rewrites_state_their_identity_in_numbered_sentences() -> None:
    for name, step in PASSES.items():
        if name != "remove-dead-code":
            assert re.search(r"^1\. ", inspect.getdoc(type(step)) or "", re.M), name


def test_counts_rest_on_passes_that_add_nothing() -> None:
    assert not any(step.grows for step in select(COUNTED, PASSES))


def macs(graph: Graph) -> int:
    return sum(node.macs for node in graph.nodes.values())


def weights(graph: Graph) -> int:
    """Trained parameters; biases aside, which fold-batch-norm makes of BN's shifts and merges may fill with zeros."""
    return sum(prod(shape) for name, shape in graph.parameters().items() if not name.endswith(".bias"))
