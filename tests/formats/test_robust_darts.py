"""The result files of RobustDARTS."""

from __future__ import annotations

from genocc import Genotype
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import DARTS_V2_NORMAL, nodes, read, refusal


def test_one_of_the_wrapped_genotypes_by_its_keys() -> None:
    sample = sample_data.formats()["robustdarts yaml of Genotype strings"]["sample"]
    imported = read("robust-darts", sample, "s1_cifar10/0.0_0.0003/1")
    assert imported.genotype.name == "s1_cifar10/0.0_0.0003/1"
    assert nodes(imported.genotype.cells["normal"]) == [
        "skip_connect<1, dil_conv_3x3<0",
        "skip_connect<2, skip_connect<0",
        "skip_connect<0, skip_connect<2",
        "skip_connect<2, skip_connect<1",
    ]
    assert nodes(imported.genotype.cells["reduction"]) == [
        "max_pool_3x3<1, max_pool_3x3<0",
        "skip_connect<2, max_pool_3x3<1",
        "skip_connect<2, max_pool_3x3<0",
        "max_pool_3x3<0, max_pool_3x3<1",
    ]


def test_the_others_are_listed_and_a_broken_one_says_so() -> None:
    sample = sample_data.formats()["robustdarts yaml of Genotype strings"]["sample"]
    listed = "s1_cifar10/0.0_0.0003/1, s1_cifar10/0.0_0.0003/2"
    assert refusal("robust-darts", sample) == f"several genotypes; choose one with --name: {listed}"
    assert "'Genotype(' starts here, but its bracket is never closed" in refusal(
        "robust-darts", sample, "s1_cifar10/0.0_0.0003/2"
    )


def test_a_long_list_is_cut() -> None:
    text = "\n".join(f"a{number}: Genotype()" for number in range(168))
    assert refusal("robust-darts", text).endswith("a18, a19, ... (168 in all)")


def test_names_that_are_not_unique_and_leaves_that_are_not_genotypes() -> None:
    assert refusal("robust-darts", "a: {b/c: Genotype()}\na/b: {c: Genotype()}") == (
        "two genotypes are named a/b/c; expected keys without '/'"
    )
    assert refusal("robust-darts", "a: [1, b, {c: d}]").startswith("no genotype found; expected YAML with a leaf")
    assert refusal("robust-darts", "a: Genotype() + Genotype()").startswith("found 2 genotypes in one leaf")
    assert refusal("robust-darts", "a: 'Genotype(normal=[(''noise'', 0), (''skip_connect'', 1)], normal_concat=[2], "
                   "reduce=[(''skip_connect'', 0), (''skip_connect'', 1)], reduce_concat=[2])'").startswith(
        "cell 'normal', node 2, edge 1 of 2 ('noise' from 0): the operation has no counterpart in genocc: random noise"
    )  # fmt: skip


def test_written_as_a_file_with_one_entry(darts_v2: Genotype) -> None:
    text = DIALECTS["robust-darts"].write(darts_v2)
    assert text.startswith("darts-v2: Genotype(normal=[('sep_conv_3x3', 0), ")
    again = read("robust-darts", text, "darts-v2").genotype
    assert nodes(again.cells["normal"]) == DARTS_V2_NORMAL
    odd = darts_v2.model_copy(update={"name": "a/b: 'c' #\u00e9"})
    assert read("robust-darts", DIALECTS["robust-darts"].write(odd)).genotype.name == odd.name
