"""`--config`: settings from a file, of a run or written by hand; the command line wins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import genocc
from genocc.errors import ConfigError, GenoccError
from genocc.runs.reading import SEARCH, SEARCH_SEEDS
from genocc.runs.settings_file import beside, read_settings
from genocc.searchers import request
from genocc.searchers.config import SearchConfig
from genocc.searchers.topologies import ranking
from genocc.searchers.topologies.config import RankingConfig
from genocc.training import request as training
from genocc.training.config import TrainConfig

TINY = ("supernet.channels=4", "supernet.layers=3", "data.training=16", "data.validation=16", "schedule.batch_size=8")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What runs are asked for, instead of running: (configuration, seeds), of a training (configuration, genotype)."""
    found: list[Any] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(request, "run_search", lambda config, out, **options: found.append((config, None)))
    monkeypatch.setattr(request, "run_seeds", lambda config, seeds, out, **options: found.append((config, seeds)))
    monkeypatch.setattr(training, "run_training", lambda what, config, out, **options: found.append((config, what)))
    return found


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_search_is_repeated_from_its_settings(tmp_path: Path) -> None:
    first = genocc.search(tmp_path / "a", data="fake", epochs=1, seed=3, overrides=TINY, method="pc-darts")
    again = genocc.search(tmp_path / "b", config=tmp_path / "a")
    for name in ("genotype.json", "config.json"):
        assert (first.path / name).read_bytes() == (again.path / name).read_bytes()
    assert first.history[0]["coefficients"] == again.history[0]["coefficients"]


def test_a_training_is_repeated_with_its_genotype(asked: list[Any], tmp_path: Path) -> None:
    config = TrainConfig.make("quick", ["schedule.epochs=3"], seed=5)
    darts = genocc.load("zoo:darts-v2")
    content = {**config.model_dump(mode="json"), "genotype": darts.model_dump(mode="json", exclude_none=True)}
    path = written(tmp_path / "config.json", {"command": "train", "config": content})
    genocc.train(config=path)
    assert asked.pop() == (config, darts)
    genocc.train("zoo:snas", config=path, seed=6)
    found, what = asked.pop()
    assert (found, what.name) == (config.model_copy(update={"seed": 6}), "snas")


def test_a_run_without_the_attention_of_its_method_is_repeated_without(asked: list[Any], tmp_path: Path) -> None:
    config = SearchConfig.make("edarts", "quick", ["relaxation.attention={}"])
    content = {"command": SEARCH, "config": config.model_dump(mode="json")}
    genocc.search(config=written(tmp_path / "config.json", content))
    assert asked.pop() == (config, None)


def test_the_command_line_wins(asked: list[Any], tmp_path: Path) -> None:
    path = written(
        tmp_path / "mine.toml", 'method = "darts"\nschedule.epochs = 9\ndata = {name = "cifar10", folder = "x"}\n'
    )
    genocc.search(config=path)
    assert asked.pop()[0] == SearchConfig.make(
        "darts", "cifar", data={"name": "cifar10", "folder": "x"}, schedule={"epochs": 9}
    )
    genocc.search(config=path, data="digits", epochs=4, overrides=["schedule.batch_size=32"], seeds=2)
    config, seeds = asked.pop()
    expected = SearchConfig.make("darts", "quick", data={"name": "digits"}, schedule={"epochs": 4, "batch_size": 32})
    assert (config, seeds) == (expected, 2)


def test_several_seeds_are_repeated(asked: list[Any], tmp_path: Path) -> None:
    config = SearchConfig.make("darts", "quick")
    content = {"seeds": 3, "search": config.model_dump(mode="json")}
    genocc.search(config=written(tmp_path / "config.json", {"command": SEARCH_SEEDS, "config": content}))
    assert asked.pop() == (config, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "config.json: is not JSON: "),
        ('{"seed": 1, "seed": 2}', "config.json: is not JSON: the name 'seed' is there twice in one object"),
        ("[1]", r"config.json: found \[1\]; expected settings by part"),
        ({"command": "train", "config": {}}, "those of `genocc train`; expected those of `genocc search`"),
        ({"command": ["search"], "config": {}}, "expected those of `genocc search`"),
        ({"command": "search"}, "config.json: found None; expected settings by part"),
        ({"command": "search --seeds", "config": {"seeds": True, "search": {}}}, "config.seeds: found True"),
        ({"method": 3}, "config.json: method: found 3; expected a name"),
        ({"method": "dart"}, "config.json: .*'dart'.*darts"),
        ({"schedule": 3}, "config.json: .*schedule"),
        ({"schedule": {"epoch": 3}}, "config.json: .*unknown field schedule.epoch"),
        ({"penalties": 3}, "config.json: .*penalties"),
        ({"relaxation": {"name": 7}}, "config.json: .*relaxation"),
    ],
    ids=str,
)
def test_what_cannot_be_settings_is_refused(asked: list[Any], tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(GenoccError, match=message):
        genocc.search(config=written(tmp_path / "config.json", content))
    assert not asked


def test_another_method_than_the_files_is_refused(asked: list[Any], tmp_path: Path) -> None:
    path = written(tmp_path / "c.json", {"method": "darts", "preset": "quick"})
    with pytest.raises(
        ConfigError, match=r"--method pc-darts: .*c.json has the settings of 'darts'; leave --method out"
    ):
        genocc.search(config=path, method="pc-darts")
    with pytest.raises(ConfigError, match="--preset cifar: "):
        genocc.search(config=path, preset="cifar")
    genocc.search(config=path, method="darts", preset="quick")
    assert asked.pop()[0] == SearchConfig.make("darts", "quick")


def test_a_run_that_is_resumed_has_to_have_the_settings(asked: list[Any], tmp_path: Path) -> None:
    own = SearchConfig.make("darts", "quick").model_dump(mode="json")
    (tmp_path / "a").mkdir()
    written(tmp_path / "a" / "config.json", {"command": SEARCH, "genocc": "0", "config": own})
    path = written(tmp_path / "c.toml", "schedule.epochs = 3")
    genocc.search(tmp_path / "a", config=path, resume=True)
    assert asked.pop()[0].schedule.epochs == 3  # which the run refuses


def test_a_ranking_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[RankingConfig] = []
    monkeypatch.setattr(ranking, "run_ranking", lambda config, *_, **options: found.append(config))
    own = RankingConfig(sample=6, top=2, validation=40, training=TrainConfig.make("quick", seed=4))
    content = {"command": "rank-topologies", "config": own.model_dump(mode="json")}
    ranking.rank_topologies(config=written(tmp_path / "config.json", content))
    ranking.rank_topologies(config=tmp_path / "config.json", top=3, epochs=2)
    assert found[0] == own
    assert (found[1].top, found[1].sample, found[1].training.schedule.epochs) == (3, 6, 2)
    for content, message in (({"training": 3}, "training: found 3"), ({"sampel": 3}, "config.json: .*sampel")):
        with pytest.raises(ConfigError, match=message):
            ranking.rank_topologies(config=written(tmp_path / "config.json", content))


def test_a_toml_file_and_a_json_file_are_the_same(tmp_path: Path) -> None:
    toml = written(tmp_path / "a.toml", "seed = 2\n[schedule]\nepochs = 3\n")
    plain = written(tmp_path / "a.json", {"seed": 2, "schedule": {"epochs": 3}})
    found = [read_settings(path, SEARCH, SEARCH_SEEDS, "search") for path in (toml, plain)]
    assert found[0] == found[1] == ({"seed": 2, "schedule": {"epochs": 3}}, None)


def test_another_data_set_has_another_folder() -> None:
    settings = {"data": {"name": "cifar10", "folder": "x", "size": 16}}
    assert beside(settings, {"data": {"name": "digits"}}) == {"data": {"name": "digits", "size": 16}}
    assert beside(settings, {"data": {"size": 8}}) == {"data": {"name": "cifar10", "folder": "x", "size": 8}}
