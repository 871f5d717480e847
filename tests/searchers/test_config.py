"""The configuration: defaults of the papers, overrides, and combinations that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import ConfigError
from genocc.searchers.choosing import FORMER
from genocc.searchers.config import SearchConfig, as_today
from genocc.searchers.method import get_method
from genocc.searchers.parts import AllEdges, Cen, FixedEdges, Softmax, TopK
from genocc.searchers.settings import settings

SIX = ["darts", "ec-darts", "edarts", "entrannas", "entrannas-dst", "pc-darts"]


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("relaxation=cen", ("relaxation", "name"), "cen"),
        ("relaxation.normalization=cen", ("relaxation", "name"), "cen"),
        ("topology=fixed", ("topology", "name"), "fixed"),
        ("placement.engine=half", ("placement", "name"), "half"),
        ("connection.bottleneck=none", ("connection", "bottleneck"), None),
        ("connection.share=False", ("connection", "share"), False),
        ("schedule.epochs=3", ("schedule", "epochs"), 3),
        ("relaxation.attention.sep_conv_3x3=0.5", ("relaxation", "attention", "sep_conv_3x3"), 0.5),
        ("relaxation.attention={}", ("relaxation", "attention"), {}),
        ("budget.penalty_macs=0.5", ("penalties", "macs", "factor"), 0.5),
        ("penalties.sparsity=0.5", ("penalties", "sparsity", "factor"), 0.5),
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
        ("placement.name.first=1", "placement.name has no fields"),
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
        ("darts", ["connection.bottleneck=4", "supernet.channels=10"], "multiple of 4"),
        ("pc-darts", ["supernet.channels=6"], "multiple of 4"),
        ("edarts", ["topology.nodes=3"], "4 nodes; topology.nodes expects 3"),
        ("edarts", ["topology.predecessors=[[0,1],[0,1],[0,4],[0,1]]"], r"predecessors\[2\]: found \[0, 4\]"),
        ("edarts", ["topology.predecessors=[[0,0],[0,1],[0,1],[0,1]]"], "distinct earlier states"),
        ("darts", ["space=darst"], "unknown search space 'darst'"),
        ("darts", ["space.pool=avg"], "pool=avg is for ss1 to ss8"),
        ("darts", ['relaxation.attention={"sep_conv_4x4": 1}'], "unknown operation 'sep_conv_4x4'"),
        ("darts", ["relaxation.temperature=0"], "relaxation.temperature: found 0; expected a number greater than 0"),
        (
            "darts",
            ["schedule.epochs=true"],
            r"schedule.epochs \(--epochs\): found True; expected a number or a text",
        ),
        ("darts", ["penalties.macs.factor=true"], "found True; expected a number or a text, not true"),
        ("edarts", ['relaxation.attention={"skip_connect": true}'], "relaxation.attention: found .* expected a number"),
        ("edarts", ["topology.predecessors=[[false,true],[0,1],[0,1],[0,1]]"], "expected a number or a text, not true"),
        ("darts", ["supernet.layers=2"], "supernet.layers: found 2"),
        ("darts", ["placement=middle"], "unknown placement 'middle'; expected one of all, first, half, last"),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_reason(method: str, overrides: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        SearchConfig.make(method, "quick", overrides)


def test_a_setting_goes_with_its_class_and_needs_no_order() -> None:
    fixed = ["topology.predecessors=[[0,1],[0,2],[1,3],[2,4]]", "topology.nodes=4"]
    assert SearchConfig.make("edarts", overrides=[*fixed, "topology=all"]).topology == AllEdges()
    late = SearchConfig.make("darts", overrides=[fixed[0], "topology.name=fixed"])
    assert late.topology == FixedEdges(predecessors=((0, 1), (0, 2), (1, 3), (2, 4)))
    with pytest.raises(ConfigError, match=r"there is no 'topology\.predecessors'"):
        SearchConfig.make("darts", overrides=["topology=all", fixed[0]])


def test_what_both_classes_have_stays_and_the_rest_are_defaults() -> None:
    found = SearchConfig.make("entrannas", "cifar", ["relaxation.name=cen", "derivation=argmax"])
    assert found.relaxation == Cen(temperature=5.0, temperature_ratio=0.923)
    assert SearchConfig.make("edarts", overrides=["derivation.rule=top-k"]).derivation == TopK()
    assert SearchConfig.make("entrannas", relaxation={"name": "cen", "dst": True}, space={"name": "ss1-no-zero"}) == (
        SearchConfig.make("entrannas", overrides=["relaxation=cen", "relaxation.dst=true", "space=ss1-no-zero"])
    )


@pytest.mark.parametrize(("former", "today"), [(".".join(old), ".".join(new)) for old, new in FORMER.items()])
def test_former_spellings_are_understood(former: str, today: str) -> None:
    value = {"relaxation.name": "cen", "derivation.name": "argmax", "topology.name": "fixed", "placement.name": "half"}
    text = value.get(today, "0.5")
    budget = "budget.max_macs=5"
    found = SearchConfig.make("darts", "quick", [budget, f"{former}={text}"])
    assert found == SearchConfig.make("darts", "quick", [budget, f"{today}={text}"])
    part, name = former.split(".")
    data = found.model_dump(mode="json")
    *parents, last = today.split(".")
    place = data
    for parent in parents:
        place = place[parent]
    data[part][name] = place.pop(last)
    assert SearchConfig.from_dict(data) == found, "a config.json of before"
    with pytest.raises(ConfigError, match=f"{former} is the former spelling of {today}; found both"):
        SearchConfig.from_dict(
            {**found.model_dump(mode="json"), part: {**found.model_dump(mode="json")[part], name: "other"}}
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relaxation=sofmax", "unknown relaxation 'sofmax'; did you mean 'softmax'"),
        ("relaxation.name=ordinal", "unknown relaxation 'ordinal'; expected one of cen, "),
        ("relaxation=3", "unknown relaxation 3; expected one of cen, "),
        ("penalties.sparsty.factor=1", "did you mean 'penalties.sparsity'"),
        ("penalties.sparsity.facto=1", "did you mean 'penalties.sparsity.factor'"),
        ("penalties=1", "expected penalties.name.field=value"),
        ("penalties.macs.factor.x=1", "expected penalties.name.field=value"),
        ("penalties.sparsity.factor=-1", "penalties.sparsity.factor: found -1"),
    ],
)
def test_unknown_choices_are_refused_with_those_there_are(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchConfig.make("darts", "quick", [text])


def test_a_method_need_not_be_registered() -> None:
    class Quiet(get_method("pc-darts")):  # type: ignore[misc]
        name = "quiet"
        relaxation = Softmax(alpha_noise=0.0)

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


FORMER_CONFIGS = [
    json.loads(line) for line in (Path(__file__).parent / "former_configs.jsonl").read_text().splitlines()
]
"""What commit 3638001^, before parts were open, wrote into config.json: each method, quick and imagenet."""


@pytest.mark.parametrize("found", FORMER_CONFIGS, ids=lambda found: f"{found['method']}-{found['preset']}")
def test_the_configurations_of_older_runs_mean_what_they_did(found: dict[str, Any]) -> None:
    anneals_on = found["method"] == "entrannas-dst" and found["preset"] == "quick"  # as that preset did then
    fields = {"relaxation": {"temperature_floor": 0.0}} if anneals_on else {}
    meant = SearchConfig.make(found["method"], found["preset"], **fields)
    assert SearchConfig.from_dict(found) == meant
    assert as_today(found) == meant.model_dump(mode="json")


def test_only_what_meant_nothing_is_left_out_of_an_older_configuration() -> None:
    found = {"method": "edarts", "preset": "quick", "topology": {"edges": "fixed", "predecessors": [[0, 1], [0, 2]]}}
    with pytest.raises(ConfigError, match=r"topology.predecessors: 2 nodes; topology.nodes expects 4"):
        SearchConfig.from_dict(found)
    for part in ({"name": "all", "predecessors": [[0, 1]] * 4}, {"edges": "all", "sources": 3}):
        with pytest.raises(ConfigError, match=r"unknown field topology.(predecessors|sources)"):
            SearchConfig.from_dict({"method": "darts", "preset": "quick", "topology": part})


def test_unknown_fields_of_a_file_are_refused() -> None:
    data = SearchConfig.make("darts").model_dump(mode="json")
    data["relaxation"]["tau"] = 1
    with pytest.raises(ConfigError, match=r"run/config.json: unknown field relaxation.tau"):
        SearchConfig.from_dict(data, "run/config.json")


@pytest.mark.parametrize("setting", ["weights.learning_rate", "weights.weight_decay", "penalties.macs.factor"])
def test_numbers_beyond_what_a_net_computes_with_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"found 1e\+99; expected a number up to 1e\+36"):
        SearchConfig.make("darts", "quick", [f"{setting}=1e99"])
