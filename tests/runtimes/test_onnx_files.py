"""ONNX files before they are run: what is parsed, and the same model without the classifier's bias."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from genocc.errors import TargetError
from genocc.runtimes.onnx_files import classifier, first_line, parse, remove_bias
from genocc.runtimes.onnx_runtime import run, session
from tests.runtimes.onnx_models import BIAS, IMAGES, WEIGHT, logits, model, with_a_loop


def test_a_file_is_parsed_as_it_was_written() -> None:
    assert parse(model().SerializeToString(), "a.onnx") == model()


@pytest.mark.parametrize("content", [b"no model", model().SerializeToString()[:-20]], ids=["another", "cut"])
def test_what_is_no_onnx_file_is_refused(content: bytes) -> None:
    with pytest.raises(TargetError, match=r"^a\.onnx: not an ONNX file, or a damaged one$"):
        parse(content, "a.onnx")


def external(place: str) -> onnx.ModelProto:
    """A model one of whose tensors lies in another file."""
    made = model()
    tensor = made.graph.initializer[0]
    if place == "constant":
        made.graph.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))
        tensor = made.graph.node[-1].attribute[0].t
    elif place == "function":
        constant = helper.make_node("Constant", [], ["unused"], value=tensor)
        made.functions.append(helper.make_function("own", "F", [], ["unused"], [constant], []))
        tensor = made.functions[0].node[0].attribute[0].t
    elif place == "sparse":
        made.graph.sparse_initializer.add().values.CopyFrom(tensor)
        tensor = made.graph.sparse_initializer[0].values
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return made


@pytest.mark.parametrize("place", ["initializer", "constant", "function", "sparse"])
def test_no_other_file_is_read(place: str) -> None:
    with pytest.raises(TargetError, match=r"^a\.onnx: keeps its weights in other files"):
        parse(external(place).SerializeToString(), "a.onnx")


@pytest.mark.parametrize("inside", ["graph", "branch", "function"])
def test_what_may_run_for_ever_is_not_run(inside: str) -> None:
    with pytest.raises(TargetError, match=r"^a\.onnx: node 'again' is a Loop, which may run for ever; expected a net"):
        parse(with_a_loop(inside=inside).SerializeToString(), "a.onnx")


def calls(number: int, deep: int) -> bytes:
    """A model of functions, each of which calls the next several times."""
    made = model()
    for level in range(deep):
        inner = ("Relu", "") if level == deep - 1 else (f"F{level + 1}", "own")
        nodes = [
            helper.make_node(inner[0], ["x" if n == 0 else f"y{n}"], [f"y{n + 1}"], domain=inner[1])
            for n in range(number)
        ]
        made.functions.append(helper.make_function("own", f"F{level}", ["x"], [f"y{number}"], nodes, []))
    made.graph.node.append(helper.make_node("F0", ["image"], ["unused"], domain="own"))
    return made.SerializeToString()


def test_functions_are_limited_by_what_they_come_to() -> None:
    assert parse(calls(4, 5), "a.onnx").functions
    with pytest.raises(TargetError, match=r"^a\.onnx: more than 131,072 nodes"):
        parse(calls(10, 12), "a.onnx")
    with pytest.raises(TargetError, match=r"^a\.onnx: functions in it call each other more than 32 deep"):
        parse(calls(1, 50), "a.onnx")
    itself = onnx.load_from_string(calls(1, 1))
    itself.functions[0].node[0].op_type, itself.functions[0].node[0].domain = "F0", "own"
    with pytest.raises(TargetError, match="more than 32 deep"):
        parse(itself.SerializeToString(), "a.onnx")


@pytest.mark.parametrize("softmax", [False, True])
def test_the_classifier_is_found_before_a_softmax_too(softmax: bool) -> None:
    node, weight, bias = classifier(model(softmax=softmax), "a.onnx")
    assert node.name == "classifier"
    np.testing.assert_array_equal(numpy_helper.to_array(weight), WEIGHT)
    np.testing.assert_array_equal(numpy_helper.to_array(bias), BIAS)


def without(part: str) -> onnx.ModelProto:
    made = model()
    if part == "bias":
        del made.graph.node[-1].input[2]
    elif part == "stored weight":
        del made.graph.initializer[0]
    elif part == "place at the end":
        made.graph.node.add(op_type="Relu", input=["logits"], output=["last"])
    else:
        del made.graph.node[:]
    return made


@pytest.mark.parametrize("part", ["bias", "stored weight", "place at the end", "node"])
def test_a_model_without_a_classifier_is_refused(part: str) -> None:
    for function in (classifier, remove_bias):
        with pytest.raises(TargetError, match=r"^a\.onnx: does not end in a classifier with a bias"):
            function(without(part), "a.onnx")


@pytest.mark.parametrize("softmax", [False, True])
def test_without_the_bias_the_output_is_the_logits(softmax: bool) -> None:
    original = model(softmax=softmax)
    changed = remove_bias(original, "a.onnx")
    onnx.checker.check_model(changed, full_check=True)
    assert changed is original
    np.testing.assert_allclose(run(session(changed.SerializeToString()), IMAGES), logits(bias=False), rtol=1e-6)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n one "), "one"),
        (KeyError(), "KeyError"),
        (OSError(" "), "OSError"),
    ],
)
def test_a_reason_is_one_line_and_never_empty(error: Exception, line: str) -> None:
    assert first_line(error) == line
