"""The configuration: defaults of the papers, overrides, and combinations that are refused."""

from __future__ import annotations

import json

import pytest

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.method import get_method
from genocc.searchers.parts.relaxation import RelaxationConfig
from genocc.searchers.settings import settings

SIX = ["darts", "ec-darts", "edarts", "entrannas", "entrannas-dst", "pc-darts"]


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


@pytest.mark.parametrize("setting", ["weights.learning_rate", "weights.weight_decay", "budget.penalty_macs"])
def test_numbers_beyond_what_a_net_computes_with_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"found 1e\+99; expected a number up to 1e\+36"):
        SearchConfig.make("darts", "quick", [f"{setting}=1e99"])
