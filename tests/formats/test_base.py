"""What all dialects have in common: choosing a genotype by its name, names, notes, places in messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import genocc
from genocc.errors import FormatError
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge
from genocc.formats.limits import Limits
from genocc.formats.sightings import Sighting
from genocc.formats.vocabulary import Vocabulary
from genocc.genotype import MAX_BYTES, Genotype
from tests.formats.reading import call, nodes, read, refusal


class Lines(Dialect):
    """``[name:] op op ...``: a genotype per line, one node that all operations reach from the first input."""

    name = "lines"
    origin = "this test"
    expected = "name: op op ..."
    vocabulary = Vocabulary(
        writes={"skip_connect": "id", "max_pool_3x3": "max"}, remarks={"max_pool_3x3": "BN after a pool"}
    )
    limits = Limits(kinds=("normal", "reduction"), edges=1)

    def entries(self, text: str) -> Sequence[Sighting]:
        split = (line.rpartition(":") for line in text.splitlines())
        return [Sighting(name, ops.split(), line) for line, (name, _, ops) in enumerate(split, start=1)]

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        return {"normal": ForeignCell({2: [ForeignEdge(op, 0) for op in entry]})}

    def text(self, genotype: Genotype) -> str:
        return " ".join(self.vocabulary.spelling(edge.op) for _, _, edge in genotype.cells["normal"].edges())


def test_a_genotype_is_called_as_in_the_text_or_after_the_file() -> None:
    named, alone = Lines().read("mine: id", where="a/b.txt").genotype, Lines().read("id", where="a/b.txt").genotype
    assert (named.name, named.metadata["original_name"]) == ("mine", "mine")
    assert alone.name == "b"
    assert "original_name" not in alone.metadata
    assert Lines().read("id", where="-").genotype.name == "lines"  # standard input
    assert Lines().read(f"{'x' * 300}\x07: id").genotype.name == "x" * 200
    assert Lines().read("bell\x07: id").genotype.name == "bell?"


def test_notes_tell_what_was_lost_and_are_kept_with_the_genotype() -> None:
    imported = Lines().read("none max max")
    assert imported.notes == (
        "cell 'normal', node 2, edge 1 of 3 ('none' from 0): adds zero: left out",
        "BN after a pool",
        "the text has no reduction cell; nets that need one cannot be built",
    )
    assert imported.genotype.metadata == {"dialect": "lines", "notes": list(imported.notes)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no genotype found; expected name: op op ..."),
        ("noise", "cell 'normal', node 2, edge 1 of 1 ('noise' from 0): the operation has no counterpart in genocc"),
        ("id " * MAX_BYTES, f"{3 * MAX_BYTES:,} characters; expected at most {MAX_BYTES:,}"),
    ],
    ids=["nothing", "unknown operation", "too long"],
)
def test_what_cannot_be_read_names_the_place_and_the_dialect(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        Lines().read(text, where="a.txt")
    assert str(caught.value).startswith(f"a.txt: dialect lines: {message}")


def test_what_cannot_be_written_names_the_genotype_and_the_edge() -> None:
    darts_v2 = genocc.load("zoo:darts-v2")
    with pytest.raises(FormatError, match=r"^dialect lines cannot express 'darts-v2': cell 'normal', node 2: 2 edges"):
        Lines().write(darts_v2)
    cell = {"nodes": [[{"op": "conv_1x1", "from": 0}]], "concat": [2]}
    foreign = Genotype.from_dict({"name": "g", "cells": {"normal": cell, "reduction": cell}})
    with pytest.raises(FormatError) as caught:
        Lines().write(foreign)
    assert str(caught.value) == (
        "dialect lines cannot express 'g': cell 'normal', node 2, edge 1: it has no operation 'conv_1x1'; "
        "it has skip_connect, max_pool_3x3"
    )


def test_long_lists_of_names_are_cut() -> None:
    text = "\n".join(f"g{number}: id" for number in range(30))
    with pytest.raises(FormatError) as caught:
        Lines().read(text)
    assert str(caught.value).endswith("g18, g19, ... (30 in all)")


SEVERAL = f"""
from collections import namedtuple
Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')
PRIMITIVES = ['none', 'skip_connect']
FIRST = {call()}
second: Genotype = genotypes.{call("[('max_pool_3x3', 0), ('skip_connect', 1)]")}
BROKEN = Genotype(normal=open('/etc/passwd').read())
DARTS = second  # an alias
"""


def test_one_of_several_by_name() -> None:
    assert nodes(read("darts", SEVERAL, "FIRST").genotype.cells["normal"]) == ["skip_connect<0, skip_connect<1"]
    second = read("darts", SEVERAL, "second").genotype
    assert nodes(second.cells["normal"]) == ["max_pool_3x3<0, skip_connect<1"]
    alias = read("darts", SEVERAL, "DARTS").genotype
    assert alias.name == "DARTS"
    assert alias.hash == second.hash


def test_several_without_a_name_are_listed() -> None:
    assert refusal("darts", SEVERAL) == "several genotypes; choose one with --name: FIRST, second, BROKEN, DARTS"
    assert refusal("darts", SEVERAL, "secnd") == "no genotype 'secnd'; did you mean 'second'?"
    assert refusal("darts", SEVERAL, "V2") == "no genotype 'V2'; it has FIRST, second, BROKEN, DARTS"
    assert refusal("darts", call(), "V2") == "no genotype 'V2'; its only one has no name"


def test_an_alias_alone_is_no_second_genotype() -> None:
    assert read("darts", f"V2 = {call()}\nDARTS = V2\n").genotype.name == "V2"


def test_two_that_stand_alone_are_numbered() -> None:
    text = f"{call()}\n{call()}\n"
    assert refusal("darts", text) == "several genotypes; choose one with --name: #1, #2, or with --line: 1, 2"
    assert read("darts", text, "#2").genotype.name == "#2"
