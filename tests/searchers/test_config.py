"""The configuration: defaults of the papers, overrides, and combinations that are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.method import get_method, methods
from genocc.searchers.parts.relaxation import RelaxationConfig
from genocc.searchers.settings import descriptions, settings, settings_by_method
from genocc.searchers.topologies.shipped import best_topology

SIX = ["darts", "ec-darts", "edarts", "entrannas", "entrannas-dst", "pc-darts"]


def test_the_six_methods_are_registered() -> None:
    assert sorted(methods()) == SIX


@pytest.mark.parametrize(
    ("method", "layers", "epochs", "batch", "rates", "adam"),
    [
        ("darts", 8, 50, 64, (0.025, 0.001), 3e-4),
        ("pc-darts", 8, 50, 256, (0.1, 0), 6e-4),
        ("ec-darts", 8, 25, 64, (0.025, 0.001), 3e-4),
        ("edarts", 5, 50, 64, (0.025, 0.001), 3e-4),
        ("entrannas", 8, 50, 512, (0.2, 0), 6e-4),
        ("entrannas-dst", 8, 50, 512, (0.2, 0), 6e-4),
    ],
)
def test_settings_of_the_papers_on_cifar(
    method: str, layers: int, epochs: int, batch: int, rates: tuple[float, float], adam: float
) -> None:
    c = SearchConfig.make(method)
    assert (c.supernet.layers, c.supernet.channels, c.schedule.epochs, c.schedule.batch_size) == (
        layers,
        16,
        epochs,
        batch,
    )
    assert (c.weights.learning_rate, c.weights.learning_rate_end) == rates
    assert (c.weights.momentum, c.weights.weight_decay, c.weights.clip) == (0.9, 3e-4, 5)
    assert (c.architecture.learning_rate, c.architecture.betas, c.architecture.weight_decay) == (
        adam,
        (0.5, 0.999),
        1e-3,
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("darts", {}),
        ("pc-darts", {"connection.partial": 4, "relaxation.edge_normalization": True, "schedule.warmup": 0.3}),
        ("ec-darts", {"relaxation.normalization": "cen", "schedule.ist": True}),
        (
            "edarts",
            {
                "topology.edges": "fixed",
                "topology.predecessors": [list(states) for states in best_topology()],
                "derivation.rule": "argmax",
                "schedule.order": 2,
                "schedule.architecture_steps": "epoch",
                "relaxation.attention": {
                    "sep_conv_3x3": 6e-4, "sep_conv_5x5": 4e-4, "dil_conv_5x5": -6e-4, "dil_conv_3x3": -4e-4
                },
                "data.training": 2500,
                "data.validation": 2500,
            },
        ),
        (
            "entrannas",
            {
                "relaxation.temperature": 5.0,
                "relaxation.temperature_ratio": 0.923,
                "connection.share": True,
                "connection.bottleneck": 4,
                "placement.engine": "first",
            },
        ),
        (
            "entrannas-dst",
            {
                "space.name": "darts-no-zero",
                "relaxation.temperature": 5.0,
                "relaxation.temperature_ratio": 0.923,
                "relaxation.dst": True,
                "connection.share": True,
                "connection.bottleneck": 4,
                "placement.engine": "first",
                "derivation.rule": "non-zero",
            },
        ),
    ],
)  # fmt: skip
def test_the_parts_of_each_method(method: str, expected: dict[str, Any]) -> None:
    """The table of parts: what a method does not name is as in DARTS."""
    parts = ("space", "topology", "relaxation", "connection", "placement", "derivation")
    darts, found = (settings(SearchConfig.make(name)) for name in ("darts", method))
    different = {name for name in found if name.startswith(parts) and found[name] != darts[name]}
    assert {name: found[name] for name in expected} == expected
    assert different == {name for name in expected if name.startswith(parts)}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "pc-darts",
            {"connection.partial": 2, "schedule.warmup": 0.7, "data.validation": 0.025, "weights.weight_decay": 3e-5},
        ),
        ("ec-darts", {"schedule.epochs": 30, "data.validation": 0.025, "weights.weight_decay": 3e-4}),
        ("entrannas", {"data.validation": 0.1, "relaxation.temperature": 5.0, "relaxation.temperature_ratio": 0.923}),
        (
            "entrannas-dst",
            {"relaxation.temperature": 1.0, "relaxation.temperature_ratio": 0.9, "relaxation.sparsity": 0.2},
        ),
    ],
)
def test_settings_of_the_papers_on_imagenet(method: str, expected: dict[str, Any]) -> None:
    common = {
        "schedule.batch_size": 1024, "weights.learning_rate": 0.5, "weights.learning_rate_end": 0.0,
        "architecture.learning_rate": 6e-3, "supernet.skeleton": "imagenet", "data.training": 0.1,
    }  # fmt: skip
    found = settings(SearchConfig.make(method, "imagenet"))
    assert {name: found[name] for name in (*common, *expected)} == common | expected


def test_a_method_takes_a_dozen_lines() -> None:
    """Their definitions name what differs from DARTS and nothing else."""
    for name in methods():
        own = {key for key in vars(get_method(name)) if not key.startswith("_")}
        assert len(own) <= 12
        assert get_method(name).__doc__


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("relaxation=cen", ("relaxation", "normalization"), "cen"),
        ("topology=fixed", ("topology", "edges"), "fixed"),
        ("placement.engine=half", ("placement", "engine"), "half"),
        ("connection.bottleneck=none", ("connection", "bottleneck"), None),
        ("connection.share=False", ("connection", "share"), False),
        ("schedule.epochs=3", ("schedule", "epochs"), 3),
        ("relaxation.attention.sep_conv_3x3=0.5", ("relaxation", "attention", "sep_conv_3x3"), 0.5),
        ("relaxation.attention={}", ("relaxation", "attention"), {}),
        ("topology.predecessors=[[0,1],[1,2]]", ("topology", "predecessors"), [[0, 1], [1, 2]]),
        ("seed = 7", ("seed",), 7),
    ],
)
def test_overrides(text: str, path: tuple[str, ...], value: object) -> None:
    assert SearchConfig.parse_override(text) == (path, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relaxation", "expected part.field=value"),
        ("relaxation.normalization=", "expected part.field=value"),
        ("relaxatoin=cen", "did you mean 'relaxation'"),
        ("relaxation.temprature=2", "did you mean 'relaxation.temperature'"),
        ("placement.engine.first=1", "placement.engine has no fields"),
        ("seed.x=1", "seed has no fields"),
        ("method=darts", "no 'method'"),
    ],
)
def test_bad_overrides(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchConfig.make("darts", "quick", [text])


def test_later_overrides_win_and_presets_stay_as_they_are() -> None:
    before = settings(SearchConfig.make("entrannas", "imagenet"))
    changed = ["budget.max_macs=5", "budget.max_macs=7", "data.size=64", 'relaxation.attention={"skip_connect":1}']
    found = SearchConfig.make("entrannas", "imagenet", changed)
    assert (found.budget.max_macs, found.data.size) == (7, 64)
    assert settings(SearchConfig.make("entrannas", "imagenet")) == before


@pytest.mark.parametrize(
    ("method", "overrides", "reason"),
    [
        ("pc-darts", ["connection.bottleneck=2"], "bottleneck mixes all channels"),
        ("pc-darts", ["connection.share=true"], "its own bypass"),
        ("entrannas-dst", ["space=darts"], "use space=darts-no-zero"),
        ("entrannas-dst", ["space=extended"], "use space=extended-no-zero"),
        ("darts", ["relaxation.dst=true"], "the absence of an edge already"),
        ("darts", ["derivation=non-zero"], "a softmax is never zero"),
        ("ec-darts", ["schedule.order=2"], "Algorithm 1|all weight steps of the epoch"),
        ("edarts", ["schedule.ist=true", "schedule.order=1"], "an architecture phase of its own"),
        ("darts", ["budget.penalty_macs=1"], "needs budget.max_macs"),
        ("darts", ["connection.bottleneck=4", "supernet.channels=12"], "multiple of 8"),
        ("pc-darts", ["supernet.channels=4"], "multiple of 8"),
        ("edarts", ["topology.nodes=3"], "4 nodes; topology.nodes expects 3"),
        ("edarts", ["topology.predecessors=[[0,1],[0,1],[0,4],[0,1]]"], r"predecessors\[2\]: found \[0, 4\]"),
        ("edarts", ["topology.predecessors=[[0,0],[0,1],[0,1],[0,1]]"], "distinct earlier states"),
        ("darts", ["space=darst"], "unknown search space 'darst'"),
        ("darts", ["space.pool=avg"], "pool=avg is for ss1 to ss8"),
        ("darts", ['relaxation.attention={"sep_conv_4x4": 1}'], "unknown operation 'sep_conv_4x4'"),
        ("darts", ["relaxation.temperature=0"], "relaxation.temperature: found 0; expected a number greater than 0"),
        ("darts", ["supernet.layers=2"], "supernet.layers: found 2"),
        ("darts", ["placement=middle"], "placement.engine: found 'middle'"),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_reason(method: str, overrides: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        SearchConfig.make(method, "quick", overrides)


def test_a_search_space_is_also_a_list_of_operations() -> None:
    config = SearchConfig.make("darts", "quick", ['space=["none", "skip_connect", "conv_3x3"]'])
    assert config.space.operations == ("none", "skip_connect", "conv_3x3")
    assert SearchConfig.from_dict(json.loads(config.model_dump_json())) == config
    for names, reason in (
        ('["skip_connect", "conv_4x4"]', "unknown operation 'conv_4x4'"),
        ('["conv_3x3", "conv_3x3"]', "expected distinct operations"),
        ('["none"]', "at least one besides 'none'"),
        ("[]", "at least one besides 'none'"),
    ):
        with pytest.raises(ConfigError, match=reason):
            SearchConfig.make("darts", "quick", [f"space={names}"])
    with pytest.raises(ConfigError, match="list the pool that you want"):
        SearchConfig.make("darts", "quick", ['space=["conv_3x3"]', "space.pool=avg"])
    with pytest.raises(ConfigError, match="use a list without it"):
        SearchConfig.make("entrannas-dst", "quick", ['space=["none", "conv_3x3"]'])


def test_a_method_need_not_be_registered() -> None:
    class Quiet(get_method("pc-darts")):  # type: ignore[misc]
        name = "quiet"
        relaxation = RelaxationConfig(alpha_noise=0.0)

    config = SearchConfig.make(Quiet, "imagenet", ["seed=3"])
    assert (config.method, config.relaxation.alpha_noise, config.seed) == ("quiet", 0.0, 3)
    assert config.connection == SearchConfig.make("pc-darts", "imagenet").connection


def test_unknown_methods_and_presets() -> None:
    with pytest.raises(ConfigError, match="did you mean 'entrannas'"):
        SearchConfig.make("entranas")
    with pytest.raises(ConfigError, match="unknown preset 'fast'"):
        SearchConfig.make("darts", "fast")


@pytest.mark.parametrize("preset", ["quick", "cifar", "imagenet"])
@pytest.mark.parametrize("method", SIX)
def test_a_configuration_survives_its_file(method: str, preset: str) -> None:
    config = SearchConfig.make(method, preset)
    assert SearchConfig.from_dict(json.loads(config.model_dump_json())) == config


def test_unknown_fields_of_a_file_are_refused() -> None:
    data = SearchConfig.make("darts").model_dump(mode="json")
    data["relaxation"]["tau"] = 1
    with pytest.raises(ConfigError, match=r"run/config.json: unknown field relaxation.tau"):
        SearchConfig.from_dict(data, "run/config.json")


def test_every_setting_is_described() -> None:
    described = descriptions()
    for values in settings_by_method().values():
        for name in values:
            assert name == "seed" or described.get(name), f"{name} has no line in its docstring"


@pytest.mark.parametrize("setting", ["weights.learning_rate", "weights.weight_decay", "budget.penalty_macs"])
def test_numbers_beyond_what_a_net_computes_with_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"found 1e\+99; expected a number up to 1e\+36"):
        SearchConfig.make("darts", "quick", [f"{setting}=1e99"])
