"""The zoo: its entries are the published texts, and their counts are exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import genocc
from genocc import Genotype, NetworkConfig, zoo
from genocc.errors import FileError, FormatError
from genocc.formats import dialect
from tests import regenerate_zoo, sample_data
from tests.cli.commands import error, run
from tests.sample_data import ROOT

GOLDEN: dict[str, dict[str, dict[str, int]]] = json.loads(
    (ROOT / "tests" / "golden" / "zoo_counts.json").read_text(encoding="utf-8")
)
"""Exact counts by entry and skeleton, from the reference programs; see `tests.regenerate_zoo`."""

SKELETONS = {"cifar10": "cifar", "imagenet": "imagenet"}
PUBLISHED = json.loads((sample_data.FOLDER / "genotypes.json").read_text(encoding="utf-8"))["genotypes"] if (
    sample_data.available("genotypes.json")
) else []  # fmt: skip


def counted(genotype: Genotype, skeleton: str, size: dict[str, int]) -> tuple[int, int]:
    """Parameters, and MACs of convolutions and linear layers, without auxiliary head."""
    config = NetworkConfig.make(skeleton=SKELETONS[skeleton], channels=size["init_channels"], layers=size["layers"])
    counts = genocc.count(genotype, config)
    return counts.total.parameters, counts.total.macs


@pytest.mark.parametrize(("name", "skeleton"), [(name, skeleton) for name in GOLDEN for skeleton in GOLDEN[name]])
def test_the_counts_of_the_zoo_are_exact(name: str, skeleton: str) -> None:
    exact = GOLDEN[name][skeleton]
    assert counted(zoo.load(name), skeleton, exact) == (exact["params"], exact["conv_linear_macs"])


@pytest.mark.parametrize("skeleton", SKELETONS)
@pytest.mark.parametrize("entry", [e for e in PUBLISHED if "exact" in e], ids=lambda entry: str(entry["name"]))
def test_the_counts_of_what_import_reads_are_exact(entry: dict[str, Any], skeleton: str, tmp_path: Path) -> None:
    text, target = tmp_path / "text.py", tmp_path / "genotype.json"
    text.write_text(entry["text"], encoding="utf-8")
    assert run("import", str(text), "--from", entry["dialect"], "-o", str(target)).exit_code == 0
    exact = entry["exact"][skeleton]
    assert counted(genocc.load(target), skeleton, exact) == (exact["params"], exact["conv_linear_macs"])


def test_the_zoo_is_what_the_texts_say() -> None:
    expected, left_out = {}, set()
    for name, entry in sample_data.genotypes().items():
        try:
            genotype = regenerate_zoo.imported(name, entry)
            expected[genotype.name] = genotype
        except FormatError:
            left_out.add(name)
    assert {name: zoo.load(name) for name in zoo.names()} == expected
    assert left_out == {"GDAS_F1", "SDARTS_c10_s4_pcdarts"}
    golden = {name.lower().replace("_", "-"): e["exact"] for name, e in sample_data.genotypes().items() if "exact" in e}
    assert golden == GOLDEN


@pytest.mark.parametrize("name", zoo.names())
def test_every_entry_says_where_it_comes_from(name: str) -> None:
    genotype = zoo.load(name)
    assert genotype.name == name
    assert set(genotype.cells) == {"normal", "reduction"}
    assert genotype.dumps() == (Path(zoo.__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    source, published = genotype.metadata["source"], genotype.metadata["published"]
    assert isinstance(source, str)
    assert "/" in source.split()[0]
    assert isinstance(published, dict)
    assert genotype.metadata["original_name"]
    assert dialect(str(genotype.metadata["dialect"]))


def test_different_cells_have_different_names_and_hashes() -> None:
    hashes: dict[str, list[str]] = {}
    for name in zoo.names():
        hashes.setdefault(zoo.load(name).hash, []).append(name)
    assert [names for names in hashes.values() if len(names) > 1] == [["gdas-v1", "gdas-v1-weighted"]]


def test_an_unknown_entry_offers_the_closest() -> None:
    assert "the zoo has no entry 'fairdarts-b'; did you mean 'zoo:fairdarts-" in error("zoo", "show", "fairdarts-b")
    with pytest.raises(FileError, match="`genocc zoo list` lists them"):
        zoo.load("zzz")
