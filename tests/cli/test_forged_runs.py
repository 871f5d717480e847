"""Run folders are untrusted: whatever was changed in one, every command ends with a result or with one line."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from genocc.searchers.search import run_search
from tests.cli.commands import error, run
from tests.exporters.runs import write_search
from tests.searchers.small import small

WILD: list[Any] = [
    None, True, 0, -1, 1e308, 10**400, "", "x", "9", "٣", [], [[]], {}, {"a": 1}, [1, 2], float("nan"), 1.5, "none",
]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in plain data; of long lists, the first three."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))[:3]
    for key, part in items:
        yield (*path, key)
        if isinstance(part, (dict, list)):
            yield from paths(part, (*path, key))


def forge(text: str, chance: random.Random) -> str:
    """A JSON text with one value removed or replaced."""
    data = json.loads(text)
    *parents, last = chance.choice(list(paths(data)))
    part = data
    for key in parents:
        part = part[key]
    if chance.random() < 0.3:
        del part[last]
        return json.dumps(data)
    wild = chance.choice(WILD)
    part[last] = "wild"
    return json.dumps(data).replace('"wild"', "1" + "0" * 400 if wild == 10**400 else json.dumps(wild))


def damage(folder: Path, chance: random.Random) -> str:
    """Changes one value, or some bytes, of one file; returns what it was."""
    name = chance.choice(["config.json", "history.jsonl", "history.jsonl", "genotype.json", "bytes"])
    if name == "bytes":
        file = chance.choice(sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size))
        content = bytearray(file.read_bytes())
        content[chance.randrange(len(content))] = chance.randrange(256)
        file.write_bytes(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
        return file.name
    lines = (folder / name).read_text().splitlines() if name == "history.jsonl" else [(folder / name).read_text()]
    number = chance.randrange(len(lines))
    lines[number] = forge(lines[number], chance)
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return f"{name}, line {number + 1}"


def no_traceback(make: Callable[[Path], object], folder: Path, seeds: range, commands: list[tuple[Any, ...]]) -> None:
    for seed in seeds:
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        what = damage(folder, random.Random(seed))
        for command in commands:
            result = run(*command)  # raises what is no GenoccError
            assert result.exit_code in (0, 2), (seed, what, command)
            if result.exit_code:
                *_, line = result.stderr.splitlines()
                assert line.startswith("genocc: error: "), (seed, what, command)
                assert len(line) < 700, (seed, what, command)


def searches(folder: Path) -> list[tuple[Any, ...]]:
    return [("show", folder), ("count", folder, "--layers", 3), ("rank", folder, folder, "--x", "a", "--y", "b")]


def test_a_search_with_anything_changed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    no_traceback(write_search, folder, range(50), searches(folder))


def test_a_training_with_anything_changed(training_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    commands = [("train", "--resume", "--out", folder, "--device", "cpu"), ("count", folder)]
    no_traceback(lambda path: shutil.copytree(training_run, path), folder, range(50), commands)


@pytest.mark.parametrize("name", [[], {"a": 1}, None, 1.5, "wild " * 500])
@pytest.mark.parametrize("part", ["topology", "relaxation", "method"])
def test_the_name_of_a_part_is_any_value(part: str, name: Any, tmp_path: Path) -> None:
    write_search(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["config"][part] = name if part == "method" else {"name": name}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert len(error("search", "--resume", "--out", tmp_path / "run")) < 700
    if part != "method":
        assert f"{part}" in error("search", "--out", tmp_path / "new", "--set", f"{part}.name={json.dumps(name)}")


@pytest.mark.parametrize(
    "data", [-0.5, [], {"name": float("nan")}, {"name": []}, {}, {"name": "fake", "split_seed": "x"}]
)
def test_the_data_of_a_training_that_is_evaluated_are_any_value(data: Any, training_run: Path, tmp_path: Path) -> None:
    shutil.copytree(training_run, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["config"]["data"] = data
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    if data != {}:  # the default data
        assert ": data" in error("evaluate", tmp_path / "run")


@pytest.mark.parametrize("change", [torch.Tensor.to_sparse, torch.Tensor.bfloat16, torch.Tensor.long])
@pytest.mark.parametrize("part", ["net", "optimizer"])
def test_a_checkpoint_with_another_kind_of_tensor(
    part: str, change: Callable[[torch.Tensor], torch.Tensor], training_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(training_run, tmp_path / "run")
    (tmp_path / "run" / "last.safetensors").unlink()
    for path in (tmp_path / "run" / "checkpoint").glob("*.pt"):
        state = torch.load(path, weights_only=True)
        found = state["learner"][part]
        tensors = found if part == "net" else found["state"][3]
        name = next(name for name in tensors if tensors[name].is_floating_point())
        tensors[name] = change(tensors[name])
        torch.save(state, path)
    assert "checkpoint" in error("train", "--resume", "--out", tmp_path / "run", "--device", "cpu")


@pytest.mark.parametrize("lost", ["one", "all", "whole"])
def test_a_checkpoint_without_what_an_optimizer_keeps_is_refused_by_name(
    lost: str, training_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(training_run, tmp_path / "run")
    (tmp_path / "run" / "last.safetensors").unlink()
    for path in (tmp_path / "run" / "checkpoint").glob("*.pt"):
        state = torch.load(path, weights_only=True)
        kept = state["learner"]["optimizer"]["state"]
        if lost == "one":
            del kept[max(kept)]
        elif lost == "all":
            kept.clear()
        else:
            del state["learner"]["optimizer"]
        torch.save(state, path)
    said = error("train", "--resume", "--out", tmp_path / "run", "--device", "cpu")
    named = {
        "one": "keeps nothing for classifier.linear.bias",
        "all": "keeps nothing for stem",
        "whole": "'optimizer'",
    }
    assert named[lost] in said


@pytest.mark.parametrize("optimizer", ["weights_optimizer", "architecture_optimizer"])
def test_a_search_without_what_an_optimizer_keeps_is_refused_by_name(optimizer: str, tmp_path: Path) -> None:
    run_search(small("darts", "schedule.epochs=1"), tmp_path / "run", device="cpu")
    (tmp_path / "run" / "genotype.json").unlink()
    for path in (tmp_path / "run" / "checkpoint").glob("*.pt"):
        state = torch.load(path, weights_only=True)
        kept = state["learner"][optimizer]["state"]
        del kept[max(kept)]
        torch.save(state, path)
    assert "an optimizer that keeps nothing for " in error("search", "--resume", "--out", tmp_path / "run")


@pytest.mark.full
def test_hundreds_of_runs_with_anything_changed(training_run: Path, tmp_path: Path) -> None:
    folder, page = tmp_path / "run", tmp_path / "report.html"
    report = ("report", folder, "-o", page)
    no_traceback(write_search, folder, range(1000, 1400), [*searches(folder), report])
    commands = [("train", "--resume", "--out", folder, "--device", "cpu"), ("evaluate", folder), report]
    no_traceback(lambda path: shutil.copytree(training_run, path), folder, range(1000, 1400), commands)
