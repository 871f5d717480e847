"""``genocc zoo``."""

from __future__ import annotations

import json

from genocc import zoo
from tests.cli.commands import run


def test_zoo_list_shows_exact_next_to_published() -> None:
    result = run("zoo", "list")
    (line,) = [line for line in result.stdout.splitlines() if line.split()[:1] == ["gdas-v1"]]
    assert line.split() == [
        *("gdas-v1", "D-X-Y/AutoDL-Projects", "16", "3,368,782", "3.36"),
        *("50", "x", "14", "5,345,075", "5.3", "581,009,000", "581"),
    ]
    assert [line.split()[0] for line in result.stdout.splitlines() if "/" in line] == list(zoo.names())


def test_zoo_list_as_json() -> None:
    entries = {entry["name"]: entry for entry in json.loads(run("zoo", "list", "--json").stdout)}
    assert list(entries) == list(zoo.names())
    assert entries["setn"]["imagenet"] == {
        "channels": 58,
        "layers": 8,
        "parameters": 5_340_451,
        "macs": 599_748_768,
        "published_parameters_m": None,
        "published_macs_m": None,
    }
    assert entries["darts-v2"]["cifar"]["parameters"] == 3_349_342
    assert entries["darts-v2"]["source"] == "quark0/darts cnn/genotypes.py"


def test_zoo_show() -> None:
    output = run("zoo", "show", "FairDARTS_c").stdout
    assert output.startswith("FairDARTS_c of xiaomi-automl/FairDARTS fairdarts/genotypes.py, dialect fairdarts\n")
    assert "published: cifar_params_m 2.59\n" in output
    assert "note: cell 'normal': node 3 without edges: left out" in output
    assert zoo.load("fairdarts-c").hash in output
    assert "note: Its program has BN after pools and skips" in run("zoo", "show", "ista-onestage").stdout
    shown = json.loads(run("zoo", "show", "setn", "--json").stdout)
    assert shown["name"] == "setn"
    assert shown["metadata"]["published"] == {"imagenet_init_channels": 58, "imagenet_layers": 8}
