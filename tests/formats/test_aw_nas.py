"""The dialect of aw_nas."""

from __future__ import annotations

import pytest

from genocc import Genotype
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import nodes, read, refusal

NORMAL = "normal_0=[('skip_connect', 0, 2), ('max_pool_3x3', 1, 2)]"
REDUCE = "reduce_1=[('skip_connect', 1, 2)]"


def test_the_sample() -> None:
    genotype = read("aw-nas", sample_data.formats()["aw_nas CNNGenotype"]["sample"]).genotype
    assert nodes(genotype.cells["normal"]) == [
        "dil_conv_3x3<1, skip_connect<1",
        "sep_conv_3x3<0, sep_conv_3x3<2",
        "skip_connect<3, sep_conv_3x3<0",
        "sep_conv_5x5<1, sep_conv_5x5<0",
    ]
    assert nodes(genotype.cells["reduction"]) == [
        "max_pool_3x3<0, dil_conv_5x5<0",
        "avg_pool_3x3<1, avg_pool_3x3<2",
        "sep_conv_5x5<1, avg_pool_3x3<1",
        "sep_conv_3x3<1, dil_conv_5x5<3",
    ]
    assert [cell.concat for cell in genotype.cells.values()] == [(2, 3, 4, 5)] * 2


def test_edges_in_any_order_and_no_concat() -> None:
    text = f"CNNGenotype(normal_0=[('skip_connect', 2, 3), ('skip_connect', 0, 2)], {REDUCE}, reduce_1_concat=[2])"
    genotype = read("aw-nas", text).genotype
    assert nodes(genotype.cells["normal"]) == ["skip_connect<0", "skip_connect<2"]
    assert genotype.cells["normal"].concat == (2, 3)


@pytest.mark.parametrize(
    "text",
    [
        'final_model_cfg:\n  genotypes: "{}"\n  num_classes: 10\n',
        "final_model_cfg:\n  genotypes: {}\n  num_classes: 10\n",
        "genotypes: >\n  {}\n",
        "cfg = {{'genotypes': \"{}\"}}\n",
        "genotypes = dict({})\n",
        "genotypes = CNNGenotype({})\n",
        "{}",
    ],
)
@pytest.mark.parametrize("separator", [", ", ",\n    "])
def test_fields_without_the_call(text: str, separator: str) -> None:
    """As examples/nasbench and cfgs of the program have them."""
    fields = [NORMAL, REDUCE, "normal_0_concat=(2,)", "reduce_1_concat=range(2, 3)"]
    if "cfg = " in text:
        separator = ", "
    genotype = read("aw-nas", text.format(separator.join(fields))).genotype
    assert nodes(genotype.cells["normal"]) == ["skip_connect<0, max_pool_3x3<1"]
    assert nodes(genotype.cells["reduction"]) == ["skip_connect<1"]
    assert genotype.name == ("genotypes" if "genotypes" in text else "text")


def test_fields_that_never_end_take_linear_time() -> None:
    for start in ("normal_0=[(", "normal_0=((", "normal_0=[], normal_0=("):
        assert "not Python source" in refusal("aw-nas", start * (1_000_000 // len(start)))


@pytest.mark.parametrize("size", ["1x1", "3x3"])
def test_a_bare_convolution_has_no_counterpart_but_relu_conv_bn_has(size: str) -> None:
    text = f"CNNGenotype({NORMAL.replace('max_pool_3x3', f'conv_{size}')}, {REDUCE})"
    assert refusal("aw-nas", text).startswith(
        f"cell 'normal', node 2, edge 2 of 2 ('conv_{size}' from 1): the operation has no counterpart in genocc: "
        "a bare convolution there, without ReLU and BN"
    )
    for name in (f"relu_conv_bn_{size}", f"nor_conv_{size}"):
        genotype = read("aw-nas", text.replace(f"conv_{size}", name)).genotype
        assert nodes(genotype.cells["normal"]) == [f"skip_connect<0, conv_{size}<1"]
        assert f"('relu_conv_bn_{size}', 1, 2)" in DIALECTS["aw-nas"].write(genotype)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (f"{NORMAL}, {REDUCE}, normal_2=[]", "cell group normal_2 is a second normal cell"),
        (f"{NORMAL}, stem_1=[]", "unknown field 'stem_1'; expected normal_0, reduce_1"),
        (f"{NORMAL}, {REDUCE}, normal_1_concat=[2]", "found 'normal_1_concat' without its cell group"),
        (f"{NORMAL}, {REDUCE}, normal_0_concat=[3]", "the concat names state 3, which is not in the text"),
        (f"{NORMAL}, reduce_1=[('skip_connect', 2, 1)]", "found node 1; expected nodes 2 to 65"),
        (f"{NORMAL}, reduce_1=[('skip_connect', 2)]", "entry 1: found ['skip_connect', 2]; expected (op, from, to)"),
        ("", "it has no cell group"),
    ],
)
def test_what_is_refused(fields: str, message: str) -> None:
    assert message in refusal("aw-nas", f"CNNGenotype({fields})")


def test_written(darts_v2: Genotype) -> None:
    text = DIALECTS["aw-nas"].write(darts_v2)
    assert text.startswith("darts_v2 = CNNGenotype(normal_0=[('sep_conv_3x3', 0, 2), ('sep_conv_3x3', 1, 2), (")
    assert text.endswith("normal_0_concat=[2, 3, 4, 5], reduce_1_concat=[2, 3, 4, 5])\n")
