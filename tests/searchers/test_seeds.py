"""Several searches that differ in their seed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import genocc
from genocc.errors import ConfigError, DataError, RunError
from genocc.runs.folder import open_run
from genocc.runs.progress import Progress
from genocc.runs.reading import CONFIG, SEARCH_SEEDS
from genocc.searchers.result import SearchResult
from genocc.searchers.search import run_search
from genocc.searchers.seeds import best_of, is_seeds, read_seeds, run_seeds
from tests.data.image_files import write_image
from tests.searchers.small import assert_same, history, small
from tests.stopping import StopAt


def test_several_processes_share_one_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="--seeds with torchrun: several processes share one search"):
        run_seeds(small("darts"), 2, tmp_path / "a", device="cpu")
    assert not (tmp_path / "a").exists()


def test_several_seeds_keep_the_best_by_validation_accuracy(tmp_path: Path) -> None:
    config = small("darts", "weights.learning_rate=0.1", "data.training=48")  # long enough for a difference
    result = run_seeds(config, 2, tmp_path, device="cpu")
    accuracies = [history(tmp_path / f"seed-{seed}")[-1]["validation_accuracy"] for seed in range(2)]
    assert accuracies[0] != accuracies[1]
    assert result.validation_accuracy == max(accuracies)
    assert result.path.name == f"seed-{accuracies.index(max(accuracies))}"
    assert genocc.load(tmp_path) == genocc.load(result.path)
    assert [one.path.name for one in result.seeds] == ["seed-0", "seed-1"]
    again = run_seeds(config, 2, tmp_path, resume=True, device="cpu")
    assert again.path == result.path


@pytest.mark.usefixtures("look_always")
def test_several_seeds_go_on_where_they_were(darts_run: Path, tmp_path: Path) -> None:
    class StopInSecond(StopAt):
        def running(self, title: str, steps: int, done: int) -> Any:
            self.at = 4 if "seed 1" in title else -1
            return super().running(title, steps, done)

    with pytest.raises(KeyboardInterrupt):
        run_seeds(small("darts"), 2, tmp_path / "a", device="cpu", progress=StopInSecond(0))
    assert (tmp_path / "a" / "seed-0" / "genotype.json").exists()
    run_seeds(small("darts"), 2, tmp_path / "a", resume=True, device="cpu")
    assert_same(tmp_path / "a" / "seed-0", darts_run)
    run_search(small("darts", "seed=1"), tmp_path / "b", device="cpu")
    assert_same(tmp_path / "a" / "seed-1", tmp_path / "b")


def test_all_seeds_see_the_data_that_the_first_began_with(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(12):
            write_image(tmp_path / "old" / name / f"{number}.png", size=(8, 12), shade=10 * number)
    (tmp_path / "old" / "cat" / "x.heic").write_bytes(b"")
    heard: list[str] = []

    class Heard(Progress):
        def message(self, text: str) -> None:
            heard.append(text)

    images = ("data.name=imagefolder", "data.size=12x8", "data.training=8", "data.validation=8", "schedule.epochs=1")
    config = small("darts", *images, f"data.folder={tmp_path / 'old'}")
    run_seeds(config, 2, tmp_path / "run", device="cpu", progress=Heard())
    assert [text for text in heard if "1 file is left out" in text] == heard[:1]
    assert genocc.load(tmp_path / "run").metadata["images"]["size"] == [12, 8]
    shutil.rmtree(tmp_path / "run" / "seed-1")
    (tmp_path / "run" / "genotype.json").unlink()
    (tmp_path / "old").rename(tmp_path / "new")
    write_image(tmp_path / "new" / "dog" / "more.png")
    with pytest.raises(RunError, match=r"run: the images are not those .* class 'dog' has 13 images"):
        genocc.search(tmp_path / "run", data=str(tmp_path / "new"), resume=True, device="cpu")
    (tmp_path / "new" / "dog" / "more.png").unlink()
    genocc.search(tmp_path / "run", data=str(tmp_path / "new"), resume=True, device="cpu")
    assert read_seeds(tmp_path / "run")[0].data.folder == tmp_path / "new"


def test_the_best_is_the_most_accurate_within_the_budget(darts_run: Path) -> None:
    result = run_search(small("darts"), darts_run, resume=True)
    config = small("darts", "budget.max_macs=100")

    def made(accuracy: float, macs: int) -> SearchResult:
        line = {**result.history[-1], "validation_accuracy": accuracy}
        return replace(result, config=config, history=[line], macs=macs)

    best, accurate, small_one, big = made(0.8, 100), made(0.9, 101), made(0.7, 10), made(0.95, 200)
    assert best_of([small_one, accurate, best, big]) is best
    assert best_of([accurate, big]) is big
    assert best_of([made(0.5, 1), best, made(0.8, 50)]) is best  # the first of equals


@pytest.mark.parametrize("seeds", [0, 1001])
def test_a_number_of_seeds_out_of_range_is_refused(tmp_path: Path, seeds: int) -> None:
    with pytest.raises(ConfigError, match=f"--seeds {seeds}: expected 1 to 1000"):
        run_seeds(small("darts"), seeds, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_request_that_fails_in_the_first_search_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="images are asked for"):
        run_seeds(small("darts", "data.training=100000"), 2, tmp_path / "run", device="cpu")
    assert not list(tmp_path.rglob("*.json"))


def test_a_folder_says_which_searches_it_holds(tmp_path: Path, darts_run: Path) -> None:
    config = small("darts", "seed=5")
    with open_run(tmp_path, SEARCH_SEEDS, {"seeds": 3, "search": config.model_dump(mode="json")}) as run:
        run.begin()
    assert is_seeds(tmp_path)
    assert read_seeds(tmp_path) == (config, 3)
    assert not is_seeds(darts_run)
    with pytest.raises(RunError):
        read_seeds(darts_run)
    with pytest.raises(RunError):
        is_seeds(tmp_path / "none")


def test_a_number_of_seeds_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(json.dumps({"command": SEARCH_SEEDS, "config": {"seeds": "three"}}))
    with pytest.raises(ConfigError, match="seeds: found 'three'; expected a number"):
        read_seeds(tmp_path)
