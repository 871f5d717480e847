"""What a file says about itself, and that damaged texts are one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Genotype, NetworkConfig, compile, weights
from genocc.compiler import compile_net
from genocc.errors import TargetError, WeightsError
from genocc.exporters.verification import verify
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.nn.backbone import Backbone
from genocc.nn.target_net import TargetNet
from genocc.provenance import Provenance, check_net, wiring
from tests.strategies import genotypes, networks


@settings(max_examples=50)
@given(
    genotype=genotypes(max_nodes=3, max_edges=3),
    config=networks(),
    seed=st.none() | st.integers(0, 2**63),
    named=st.booleans(),
    numbers=st.none() | st.tuples(st.floats(-9, 9), st.floats(0.01, 9)),
    inside=st.booleans(),
    flag=st.booleans(),
)
def test_texts_say_everything(
    genotype: Genotype,
    config: NetworkConfig,
    seed: int | None,
    named: bool,
    numbers: tuple[float, float] | None,
    inside: bool,
    flag: bool,
) -> None:
    names = [f"class {number}" for number in range(config.classes)] if named else []
    normalization = numbers and tuple((number,) * config.input_channels for number in numbers)
    normalize = normalization if inside else None
    passes = ("fold-batch-norm", "pad-channels")
    made = Provenance(genotype, config, passes, seed, tuple(names), normalization, normalize, flag, not flag)
    assert Provenance.from_metadata(made.to_metadata(), "x") == made


def test_a_compiled_net_says_which_it_is(darts_v2: Genotype) -> None:
    config = NetworkConfig(channels=4, layers=3)
    net = compile_net(darts_v2, config, seed=7, passes=["remove-dead-code"])
    found = net.provenance(softmax=True)
    assert (found.genotype, found.config, found.passes, found.seed) == (darts_v2, config, ("remove-dead-code",), 7)
    assert found.softmax
    assert found.weights == "untrained weights, seed 7"
    trained = compile_net(darts_v2, config, weights=dict(net.weights)).provenance()
    assert (trained.seed, trained.weights) == (None, "trained weights")


def test_what_the_net_normalizes_with_is_what_it_was_trained_with(darts_v2: Genotype) -> None:
    made = Provenance(darts_v2, NetworkConfig(), normalize=((0.5,), (0.2,)))
    assert made.normalization == made.normalize
    assert json.loads(made.to_metadata()["normalize"]) is True


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("genotype", "{", r"genotype: \$: not JSON"),
        ("network", "[]", r"network: found '\[\]'; expected a JSON object"),
        ("network", "7", "network: found '7'; expected a JSON object"),
        ("network", '{"channels": 0}', "channels: found 0; expected"),
        ("network", '{"skeleton": []}', r"skeleton: found \[\]; expected"),
        ("network", '{"cls": 1}', "cls: found 1; "),
        ("network", '{"channels": 1' + "0" * 5000 + "}", "network: found '.*'; expected JSON"),
        ("network", "[" * 100_000, "network: found '.*'; expected JSON"),
        ("seed", "one", "seed: found 'one'; expected a whole number"),
        ("seed", "٣", "seed: found '٣'; expected a whole number"),
        ("seed", "1" * 5000, "seed: found '1.*1'; expected a whole number"),
        ("mean", "[1", r"mean: found '\[1'; expected JSON"),
        ("mean", '["a"]', "expected 3 finite numbers, one per channel"),
        ("mean", "[0.5]", r"mean: found '\[0.5\]'; expected 3 finite numbers, one per channel"),
        ("mean", "0.5", "expected 3 finite numbers, one per channel"),
        ("mean", "[NaN, 0, 0]", "expected 3 finite numbers, one per channel"),
        ("mean", "[1e400, 0, 0]", "expected 3 finite numbers, one per channel"),
        ("mean", f"[1{'0' * 400}, 0, 0]", "expected 3 finite numbers, one per channel"),
        ("std", "[0.1, 0.1, 0]", "expected deviations above 0"),
        ("std", "[]", "expected 3 finite numbers"),
        ("class_names", "5", "expected a list of texts"),
        ("class_names", '"0123456789"', "expected a list of texts"),
        ("class_names", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]", "expected a list of texts"),
        ("class_names", '["cat"]', "class_names: found 1; the network has 10 classes"),
        ("softmax", "maybe", "softmax: found 'maybe'; expected true or false"),
        ("uint8_input", "1", "uint8_input: found '1'; expected true or false"),
    ],
)
def test_damaged_texts_are_named(key: str, text: str, message: str, darts_v2: Genotype) -> None:
    made = Provenance(darts_v2, NetworkConfig(), seed=1, softmax=True, normalization=((0.5,) * 3, (0.25,) * 3))
    with pytest.raises(TargetError, match=rf"^net\.onnx: damaged metadata: .*{message}") as caught:
        Provenance.from_metadata({**made.to_metadata(), key: text}, "net.onnx")
    assert len(str(caught.value)) < 300


def test_a_text_that_is_missing_is_named(darts_v2: Genotype) -> None:
    texts = Provenance(darts_v2, NetworkConfig(), normalization=((0.5,) * 3, (0.25,) * 3)).to_metadata()
    for key in ("network", "mean", "std"):
        with pytest.raises(TargetError, match=f"damaged metadata: {key}: found None; expected"):
            Provenance.from_metadata({name: text for name, text in texts.items() if name != key}, "net.onnx")


def test_files_of_other_programs_are_told_apart() -> None:
    with pytest.raises(TargetError, match="no genotype in its metadata; expected a file that `genocc compile` wrote"):
        Provenance.from_metadata({"producer": "other"}, "net.onnx")


def _wired(source: int, concat: tuple[int, ...] = (2, 3)) -> Genotype:
    """Cells with the same operations at the same places, whose tensors have the same names and shapes."""
    first, second = ([{"op": "sep_conv_3x3", "from": state}] for state in (0, source))
    cell = {"nodes": [first, second], "concat": concat}
    cells = {"normal": cell, "reduction": cell}
    return Genotype.from_dict({"format": "genocc.genotype", "version": 1, "name": f"from {source}", "cells": cells})


@pytest.mark.parametrize(
    ("genotype", "changes", "found"),
    [
        (_wired(1), {"stem_stride": 2}, "of a net with stem_stride 1; this one has 2"),
        (_wired(1, (3, 2)), {}, "of 'from 1', whose normal cell has the same tensors, and other connections"),
        (_wired(0), {}, "of 'from 1', whose normal cell has the same tensors, and other connections"),
    ],
    ids=["stem", "concat", "source"],
)
def test_weights_of_a_net_with_the_same_tensors_are_refused(
    genotype: Genotype, changes: dict[str, int], found: str, tmp_path: Path
) -> None:
    trained, config = _wired(1), NetworkConfig.make(channels=2, layers=3)
    wanted = NetworkConfig.make(channels=2, layers=3, **changes)
    file, net = tmp_path / "w.safetensors", tmp_path / "net.onnx"
    weights.save(initialize(lower(trained, config)), file, Provenance(trained, config).to_metadata())
    compile(genotype, wanted, to="onnx", output=net, verify=False)
    for reads in (
        lambda: compile_net(genotype, wanted, weights=file),
        lambda: TargetNet(genotype, wanted, weights=file),
        lambda: verify(net, weights=file),
        lambda: Backbone(genotype, wanted, features={"last": 2}, weights=file),
    ):
        if "stem_stride" in changes and "Backbone" in reads.__code__.co_names:
            assert reads().strides == [8], "denser or coarser maps with the same weights"
            continue
        with pytest.raises(WeightsError, match=found):
            reads()
    assert compile_net(trained, config.model_copy(update={"input_size": (8, 9)}), weights=file).trained
    weights.save(weights.load(file), file)
    assert compile_net(genotype, wanted, weights=file).trained, "a file of another program says nothing"


def test_a_digest_tells_nets_with_the_same_tensors_apart() -> None:
    """As `check_net` does; the hash is the same for another order of the concat or of the edges."""
    config = NetworkConfig.make(channels=2, layers=3)
    others = [
        (_wired(0), config),
        (_wired(1, (3, 2)), config),
        (_wired(1), NetworkConfig.make(layers=3, stem_stride=2)),
    ]
    found = {wiring(genotype, network) for genotype, network in [(_wired(1), config), *others]}
    assert len(found) == 4
    assert _wired(1, (3, 2)).hash == _wired(1).hash
    same = config.model_copy(update={"classes": 3, "input_size": (9, 9), "channels": 4})
    assert wiring(_wired(1), same) == wiring(_wired(1), config)
    texts = Provenance(_wired(1), config).to_metadata()
    with pytest.raises(
        TargetError, match=r"damaged metadata: wiring: found '0+.*'; the net beside it has [0-9a-f]{64}"
    ):
        Provenance.from_metadata({**texts, "wiring": "0" * 64}, "w")


def test_weights_of_another_training_do_not_get_the_classes_of_a_run(tmp_path: Path) -> None:
    genotype, config = _wired(1), NetworkConfig.make(channels=2, layers=3, classes=2)
    half, third = (((mean,) * 3, (0.25,) * 3) for mean in (0.5, 0.3))
    texts = Provenance(genotype, config, class_names=("cat", "dog"), normalization=half).to_metadata()
    for names, normalization, found in (
        (("dog", "cat"), half, r"w: classes \('cat', 'dog'\); the run has \('dog', 'cat'\)"),
        (("cat", "dog"), third, r"w: normalization .*; the run has "),
    ):
        run = Provenance(genotype, config, class_names=names, normalization=normalization)
        with pytest.raises(WeightsError, match=found):
            check_net(texts, genotype, config, "w", run)
    check_net(texts, genotype, config, "w", Provenance(genotype, config))
    check_net(texts, genotype, config, "w", Provenance.from_metadata(texts, "w"))
