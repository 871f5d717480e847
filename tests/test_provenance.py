"""What a file says about itself, and that damaged texts are one clear error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Genotype, NetworkConfig
from genocc.compiler import compile_net
from genocc.errors import TargetError
from genocc.provenance import Normalization, Provenance
from tests.strategies import genotypes, networks

channels = st.tuples(*[st.floats(0.01, 10)] * 3)


@settings(max_examples=50)
@given(
    genotype=genotypes(max_nodes=3, max_edges=3),
    config=networks(),
    seed=st.none() | st.integers(0, 2**63),
    names=st.lists(st.text(max_size=5), max_size=3),
    normalization=st.none() | st.tuples(channels, channels),
    inside=st.booleans(),
    flag=st.booleans(),
)
def test_texts_say_everything(
    genotype: Genotype,
    config: NetworkConfig,
    seed: int | None,
    names: list[str],
    normalization: Normalization | None,
    inside: bool,
    flag: bool,
) -> None:
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
    ("key", "text"),
    [
        ("genotype", "{"), ("network", "[]"), ("network", '{"channels": 0}'), ("seed", "one"), ("mean", "[1"),
        ("mean", '["a"]'), ("class_names", "5"), ("softmax", "maybe"), ("network", "[" * 100_000),
    ],
)  # fmt: skip
def test_damaged_texts_are_named(key: str, text: str, darts_v2: Genotype) -> None:
    texts = Provenance(darts_v2, NetworkConfig(), seed=1, softmax=True).to_metadata()
    with pytest.raises(TargetError, match=r"^net\.onnx: damaged metadata: "):
        Provenance.from_metadata({**texts, key: text}, "net.onnx")


def test_files_of_other_programs_are_told_apart() -> None:
    with pytest.raises(TargetError, match="no genotype in its metadata; expected a file that `genocc compile` wrote"):
        Provenance.from_metadata({"producer": "other"}, "net.onnx")
