"""Which class a part is, as an operation on plain data."""

from __future__ import annotations

from genocc.searchers.choosing import combined, switched, translated
from genocc.searchers.settings import OPEN_KINDS

KINDS = {name: kind for name, kind in OPEN_KINDS.items() if name != "penalties"}
DATA = {
    "preset": "cifar",
    "relaxation": {"name": "softmax", "temperature": 5.0, "dst": True},
    "derivation": {"name": "top-k", "edges_per_node": 3, "distinct_predecessors": True},
}


def test_settings_that_both_classes_have_stay() -> None:
    found = switched(KINDS, DATA, "relaxation", "cen")["relaxation"]
    assert (found["name"], found["temperature"], found["dst"], found["alpha_noise"]) == ("cen", 5.0, True, 1e-3)
    assert switched(KINDS, DATA, "derivation", "argmax")["derivation"] == {"name": "argmax"}
    assert switched(KINDS, DATA, "relaxation", "softmax") == DATA
    assert DATA["relaxation"] == {"name": "softmax", "temperature": 5.0, "dst": True}


def test_a_class_comes_with_its_settings_in_the_preset() -> None:
    data = {"preset": "quick", "relaxation": {"name": "one-of"}}
    assert switched(KINDS, data, "relaxation", "cen")["relaxation"]["temperature"] == 1.0


def test_fields_choose_the_class_first() -> None:
    found = combined(KINDS, DATA, {"derivation": {"name": "argmax"}, "relaxation": {"temperature": 1.0}})
    assert found["derivation"] == {"name": "argmax"}
    assert found["relaxation"]["temperature"] == 1.0
    assert found["relaxation"]["dst"] is True


def test_a_setting_that_is_a_mapping_is_stated_whole() -> None:
    data = {"preset": "cifar", "relaxation": {"attention": {"sep_conv_3x3": 6e-4, "sep_conv_5x5": 4e-4}}}
    for stated in ({}, {"sep_conv_5x5": 0.1}):
        assert combined(KINDS, data, {"relaxation": {"attention": stated}})["relaxation"]["attention"] == stated
    assert (
        combined(KINDS, data, {"relaxation": {"temperature": 2.0}})["relaxation"]["attention"]
        == data["relaxation"]["attention"]
    )  # type: ignore[index]


def test_former_spellings_move_to_their_place() -> None:
    data = {"relaxation": {"normalization": "cen", "sparsity": 0.1}, "budget": {"penalty_macs": 1, "max_macs": 2}}
    assert translated(data) == {
        "relaxation": {"name": "cen"},
        "budget": {"max_macs": 2},
        "penalties": {"sparsity": {"factor": 0.1}, "macs": {"factor": 1}},
    }
