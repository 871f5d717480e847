"""Passes by name with arguments, as `--passes` and files say them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc import Graph
from genocc.errors import GenoccError
from genocc.passes import PASSES, Parameters, Pass, parse, select, split
from genocc.passes.arguments import argument
from genocc.passes.merge_summed_chains import MergeSummedChains
from genocc.passes.pad_channels import PadChannels


@dataclass(frozen=True)
class Fake(Pass):
    """A pass with an argument of each type."""

    name = "fake"
    whole: int = argument(3, least=0)
    number: float = argument(0.5, most=8)
    flag: bool = argument(False)

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        return graph, parameters


KNOWN: dict[str, Pass] = {**PASSES, "fake": Fake()}

fakes = st.builds(Fake, st.integers(0, 10**9), st.floats(max_value=8, allow_nan=False), st.booleans())
chains = st.builds(MergeSummedChains, st.integers(0, 10**6), st.integers(1, 99))
plain = st.sampled_from([step for step in PASSES.values() if not hasattr(step, "__dataclass_fields__")])


@given(st.lists(fakes | chains | plain))
def test_a_list_that_is_written_is_read(steps: list[Pass]) -> None:
    text = ",".join(map(str, steps))
    assert parse(text, KNOWN) == steps
    assert list(split(text)) == list(map(str, steps))


def test_plain_names_are_the_passes_themselves() -> None:
    assert select(PASSES, PASSES) == list(PASSES.values())
    assert [str(step) for step in PASSES.values()] == list(PASSES)
    assert parse(" , remove-dead-code,,pad-channels(),", PASSES) == [PASSES["remove-dead-code"], PASSES["pad-channels"]]


def test_arguments_by_hand() -> None:
    (step,) = parse(" pad-channels ( growth = 9, block=8 ) ", PASSES)
    assert step == PadChannels(block=8, lanes=4, growth=9.0)
    assert str(step) == "pad-channels(block=8,growth=9.0)"
    assert parse("fake(flag=TRUE,number=-inf)", KNOWN) == [Fake(number=-float("inf"), flag=True)]
    assert PASSES["pad-channels"] == PadChannels(16, 4, 1.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fold", "unknown pass 'fold'; expected one of remove-dead-code, "),
        ("pad-chanels(block=8)", "unknown pass 'pad-chanels'; did you mean 'pad-channels'?"),
        ("fold-batch-norm(x=1)", "pass 'fold-batch-norm' takes no arguments; found 'x=1'"),
        ("fake(hole=1)", "pass 'fake' takes whole=3 (an integer from 0), number=0.5 (a number to 8), flag=false (true "
         "or false); found 'hole=1'"),
        ("fake(whole=1.5)", "found 'whole=1.5'"),
        ("fake(whole=-1)", "found 'whole=-1'"),
        ("fake(whole=)", "found 'whole='"),
        ("fake(whole)", "found 'whole'"),
        ("fake(1)", "found '1'"),
        ("fake(number=nan)", "found 'number=nan'"),
        ("fake(number=9)", "found 'number=9'"),
        ("fake(flag=1)", "found 'flag=1'"),
        ("fake(whole=1,,flag=true)", "found ''"),
        ("fake(whole=1,whole=2)", "found 'whole=2'"),
        ("fake(whole=1", "pass 'fake(whole=1': expected NAME or NAME(ARGUMENT=VALUE,...)"),
        ("fake(whole=1)(", "expected NAME or NAME(ARGUMENT=VALUE,...)"),
        ("fake((whole=1))", "expected NAME or NAME(ARGUMENT=VALUE,...)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(GenoccError, match=re.escape(message)) as error:
        parse(f"remove-dead-code,{text}", KNOWN)
    assert "\n" not in str(error.value)


def test_arguments_given_in_python_are_checked_as_well() -> None:
    with pytest.raises(GenoccError, match=r"pass 'pad-channels' takes block=16 .*; found block=0"):
        PadChannels(block=0)
    with pytest.raises(GenoccError, match="found growth=nan"):
        PadChannels(growth=float("nan"))
