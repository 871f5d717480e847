"""Which dialect a text is in."""

from __future__ import annotations

import pytest

import genocc
from genocc.errors import FormatError
from genocc.formats import DIALECTS, read
from genocc.formats.recognition import readers, recognized
from tests import sample_data
from tests.formats.reading import call
from tests.formats.test_attacks import SAMPLES


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - {"naslib", "random-nas"}))
def test_what_a_dialect_writes_is_recognized(name: str) -> None:
    imported = read(SAMPLES[name])
    assert imported.genotype.hash == DIALECTS[name].read(SAMPLES[name]).genotype.hash
    assert imported.notes[0] == f"read as {'darts' if name == 'robust-darts' else name}"


def test_the_samples_are_recognized() -> None:
    for name, sample in sample_data.formats().items():
        if "archai" in name or name in (
            "nni 2 architecture dict",
            "robustdarts yaml of Genotype strings",
            "gdas weighted",
            "naslib compact",
        ):
            continue  # not a dialect; cut off; a hand-written reduction cell; random-nas reads it otherwise
        assert read(sample["sample"]).notes[0].startswith("read as "), name


@pytest.mark.parametrize(
    ("dialect", "text", "hint"),
    [
        ("autodl", call(), "; --from darts reads it"),
        ("darts", SAMPLES["fairdarts"], "; --from fairdarts reads it"),
        ("darts", SAMPLES["nas-bench-201"], "; --from nas-bench-201 reads it"),
        ("mmrazor", SAMPLES["nni"], "; --from nni reads it"),
        ("darts", "nothing", "reduce_concat=...)"),
    ],
)
def test_with_the_wrong_dialect_the_error_names_the_right_one(dialect: str, text: str, hint: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text, dialect)
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("some words", "a.txt: no genotype found; expected a text of one of darts, autodl, "),
        ("", "a.txt: no genotype found; expected a text of one of darts, autodl, "),
        (
            call("[('noise', 0), ('skip_connect', 1)]"),
            "a.txt: read as darts: cell 'normal', node 2, edge 1 of 2 ('noise'",
        ),
        (f"A = {call()}\nB = {call()}", "a.txt: several genotypes; choose one with --name: A, B"),
        (f"a:\n  1: {call()}\n  2: {call()}\n", "a.txt: several genotypes; choose one with --name: "),
        ("|nor_conv_7x7~0|", "a.txt: read as nas-bench-201: cell 'normal', node 1"),
        ('{"format": "genocc.genotype"}', "a.txt: is a genotype of genocc already"),
    ],
)
def test_the_dialect_that_comes_furthest_has_its_say(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text, where="a.txt")
    assert str(caught.value).startswith(message)


def test_different_readings_are_refused() -> None:
    darts, other = DIALECTS["darts"], DIALECTS["darts"].__class__()

    class Swapped(type(other)):  # type: ignore[misc]
        name = "swapped"

        def read(self, *args: object) -> object:
            imported = darts.read(*args)  # type: ignore[arg-type]
            return type(imported)(genocc.load("zoo:darts-v2"))

    with pytest.raises(FormatError, match=r"^text: darts and swapped read different genotypes; choose one"):
        recognized([darts, Swapped()], call())
    assert readers([darts, Swapped()], call()) == "; --from darts or swapped reads it"


@pytest.mark.parametrize("source", [None, "mmrazor"])
def test_yaml_with_a_key_twice_is_told_so(source: str | None) -> None:
    text = "normal_n2:\n  chosen: [normal_n2_p0]\nnormal_n2_p0: {chosen: skip_connect}\n"
    assert read(text, source)
    with pytest.raises(FormatError, match="mmrazor: line 4: the key 'normal_n2_p0' stands twice"):
        read(f"{text}normal_n2_p0: {{chosen: sep_conv_3x3}}\n", source)
