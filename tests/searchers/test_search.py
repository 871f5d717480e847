"""Whole searches: what they write, that they repeat, and that they go on as if they had not been stopped."""

import json
import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

import genocc
from genocc.errors import DataError, RunError, TargetError
from genocc.runs import loop
from genocc.searchers.bilevel import Bilevel
from genocc.searchers.search import run_search
from tests.searchers.small import METHODS, assert_same, history, small, weights
from tests.stopping import StopAt


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uninterrupted runs of all methods, by name."""
    folder = tmp_path_factory.mktemp("whole")
    for method in METHODS:
        run_search(small(method), folder / method, device="cpu")
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_a_run_holds_what_it_says(whole: Path, method: str) -> None:
    run = whole / method
    assert sorted(path.name for path in run.iterdir() if not path.name.startswith(".")) == [
        "checkpoint",
        "config.json",
        "genotype.json",
        "history.jsonl",
        "log.txt",
    ]
    genotype = genocc.load(run)
    lines = history(run)
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert 0 <= line["validation_accuracy"] <= 1
        assert 0 <= line["child_accuracy"] <= 1
        assert line["genotype"]["metadata"] == {"images": genotype.metadata["images"]}
        cells = line["genotype"]["cells"]
        for kind in ("normal", "reduction"):
            nodes = cells[kind]["nodes"]
            assert line["edges_per_node"][kind] == [len(edges) for edges in nodes]
            assert line["skip_connections"][kind] == str(nodes).count("skip_connect")
            assert line["entropy"][kind] > 0
    assert lines[-1]["genotype"]["cells"] == genotype.model_dump(mode="json", exclude_none=True)["cells"]
    assert genotype.metadata["method"] == method
    assert genotype.metadata["validation_accuracy"] == lines[-1]["validation_accuracy"]
    assert genotype.metadata["images"] == {"name": "fake", "classes": 10, "channels": 3, "size": [8, 8]}
    compiled = genocc.count(genotype).compiled  # ready for the compiler
    assert compiled.macs > 0


def test_what_an_epoch_says_depends_on_the_method(whole: Path) -> None:
    def fields(method: str, epoch: int) -> set[str]:
        line = history(whole / method)[epoch]
        return {name for name in ("weights", "architecture", "auxiliary") if name in line}

    assert fields("darts", 0) == {"weights", "architecture"}
    assert fields("pc-darts", 0) == {"weights"}  # warm-up
    assert fields("pc-darts", 1) == {"weights", "architecture"}
    assert fields("ec-darts", 0) == {"weights", "architecture", "auxiliary"}
    first = history(whole / "ec-darts")[0]["auxiliary"]
    assert first["kept"] is True  # there was no better one yet
    assert 0 <= first["validation_accuracy"] <= 1
    dst = history(whole / "entrannas-dst")
    assert dst[0]["architecture"]["sparsity"] == pytest.approx(0.2 * 2 * 0.693, rel=0.05)
    assert dst[0]["temperature"] == 5
    assert dst[1]["temperature"] == pytest.approx(5 * 0.923**25)


@pytest.mark.parametrize("method", ["darts", "entrannas-dst"])
def test_a_search_repeats_with_its_seed_and_not_with_another(whole: Path, tmp_path: Path, method: str) -> None:
    run_search(small(method), tmp_path / "again", device="cpu")
    assert_same(tmp_path / "again", whole / method)
    run_search(small(method, "seed=1"), tmp_path / "other", device="cpu")
    assert history(tmp_path / "other") != history(whole / method)


@pytest.mark.usefixtures("look_always")
@pytest.mark.parametrize("method", METHODS)
def test_interrupted_in_either_epoch_and_resumed_is_the_same_as_not(whole: Path, tmp_path: Path, method: str) -> None:
    for step in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            run_search(small(method), tmp_path, resume=step > 2, device="cpu", progress=StopAt(step))
        assert not (tmp_path / "genotype.json").exists()
    run_search(small(method), tmp_path, resume=True, device="cpu")
    assert_same(tmp_path, whole / method)


@pytest.mark.usefixtures("look_always")
def test_interrupted_after_every_step_is_the_same_as_not(whole: Path, tmp_path: Path) -> None:
    """EC-DARTS has the most to remember: alpha*, a snapshot, the best accuracy."""
    phases: list[str] = []
    for step in range(1, 100):
        progress = StopAt(step)
        try:
            run_search(small("ec-darts"), tmp_path, resume=step > 1, device="cpu", progress=progress)
        except KeyboardInterrupt:
            phases += progress.seen
        else:
            break
    assert [phase.removeprefix("epoch 1/2 ") for phase in phases[:12]] == [
        *["one-shot"] * 3, "derive", *["auxiliary"] * 3, "judge", *["architecture"] * 2, "keep or return",
        "epoch 2/2 one-shot",
    ]  # fmt: skip
    assert_same(tmp_path, whole / "ec-darts")


@pytest.mark.usefixtures("look_always")
def test_what_parts_draw_at_random_goes_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of another package may draw from PyTorch's generator."""
    step = Bilevel.weight_step

    def noisy(self: Bilevel, *, auxiliary: bool = False) -> None:
        step(self, auxiliary=auxiliary)
        with torch.no_grad():
            self.net.weight_parameters()[0].add_(torch.randn(()))

    monkeypatch.setattr(Bilevel, "weight_step", noisy)
    run_search(small("darts"), tmp_path / "whole", device="cpu")
    torch.rand(7)
    with pytest.raises(KeyboardInterrupt):
        run_search(small("darts"), tmp_path / "cut", device="cpu", progress=StopAt(2))
    torch.rand(3)
    run_search(small("darts"), tmp_path / "cut", resume=True, device="cpu")
    assert_same(tmp_path / "cut", tmp_path / "whole")


def test_the_generator_of_the_program_around_is_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    run_search(small("entrannas"), tmp_path, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("method", ["pc-darts", pytest.param("entrannas-dst", marks=pytest.mark.full)])
def test_how_the_child_is_measured_changes_nothing_else(whole: Path, tmp_path: Path, method: str) -> None:
    run_search(small(method, "child.batches=0", "child.coefficients=weights"), tmp_path, device="cpu")
    for other, line in zip(history(whole / method), history(tmp_path), strict=True):
        assert line["child_accuracy"] == line["child_accuracy_stale"]
        for found in (line, other):
            del found["child_accuracy"], found["child_accuracy_stale"]
        assert line == other
    for name, value in weights(whole / method).items():
        assert torch.equal(value, weights(tmp_path)[name]), name


def test_a_broken_photograph_is_found_before_training_starts(tmp_path: Path) -> None:
    """Photographs are decoded when they are needed, which would be during the search."""
    for kind in ("cat", "dog"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (120, 120), (number, 0, 0)).save(tmp_path / "photos" / kind / f"{number}.jpg")
    for path in (tmp_path / "photos" / "cat").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    config = small(
        "darts",
        "data.name=imagefolder",
        "data.training=4",
        "data.validation=4",
        f"data.folder={tmp_path / 'photos'}",
        "data.size=112",
    )
    with pytest.raises(DataError, match=r"cat/\d+.jpg: not an image that can be decoded"):
        run_search(config, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("look_always")
def test_sigterm_is_heard_as_well_and_others_get_their_signals_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run_search(small("darts"), tmp_path, device="cpu", progress=StopAt(1, signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before
    assert "stopped in epoch 1" in (tmp_path / "log.txt").read_text()


def test_a_finished_run_is_only_read(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "darts").rglob("*") if path.is_file()}
    result = run_search(small("darts"), whole / "darts", resume=True, device="cpu")
    assert result.genotype == genocc.load(whole / "darts")
    assert len(result.history) == 2
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path.name for path in before if before[path] != after[path]} <= {".lock"}


def test_a_run_whose_end_was_cut_off_gets_its_genotype(whole: Path, tmp_path: Path) -> None:
    """Killed after the last checkpoint and before the result."""
    run_search(small("darts"), tmp_path, device="cpu")
    (tmp_path / "genotype.json").unlink()
    run_search(small("darts"), tmp_path, resume=True, device="cpu")
    assert_same(tmp_path, whole / "darts")


@pytest.mark.parametrize("spoil", ["missing", "other net"])
def test_a_checkpoint_of_something_else_is_one_clear_error(tmp_path: Path, spoil: str) -> None:
    run_search(small("darts"), tmp_path, device="cpu")
    (tmp_path / "genotype.json").unlink()
    newest = max((tmp_path / "checkpoint").iterdir())
    state = torch.load(newest, weights_only=True)
    if spoil == "missing":
        del state["random"]
    else:
        name = next(iter(state["learner"]["net"]))
        del state["learner"]["net"][name]
    torch.save(state, newest)
    said = {"missing": "its checkpoint has no 'random'", "other net": "its checkpoint does not fit its config.json"}
    with pytest.raises(RunError, match=said[spoil]):
        run_search(small("darts"), tmp_path, resume=True, device="cpu")


def test_long_epochs_get_mid_epoch_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVED_EVERY", 0.0)
    run_search(small("darts"), tmp_path, device="cpu")
    newest = max((tmp_path / "checkpoint").iterdir())
    assert int(newest.stem) == 2 + 2 * 3  # an epoch's end, and each of its steps


@pytest.mark.usefixtures("look_always")
def test_a_loss_that_is_not_finite_stops_the_search_and_leaves_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, taken = Bilevel.weight_step, 0

    def poisoned(self: Bilevel, *, auxiliary: bool = False) -> None:
        nonlocal taken
        taken += 1
        if taken == 5:
            with torch.no_grad():
                self.net.weight_parameters()[0].fill_(float("nan"))
        step(self, auxiliary=auxiliary)

    monkeypatch.setattr(Bilevel, "weight_step", poisoned)
    with pytest.raises(RunError, match=r"no longer finite in epoch 2: .* the checkpoint after epoch 1 is"):
        run_search(small("darts"), tmp_path, device="cpu")
    assert len(history(tmp_path)) == 1
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())


def test_weights_that_are_not_finite_at_the_end_of_an_epoch_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of an epoch may spoil them, and no later loss shows it."""
    step, taken = Bilevel.weight_step, 0

    def poisoned(self: Bilevel, *, auxiliary: bool = False) -> None:
        nonlocal taken
        taken += 1
        step(self, auxiliary=auxiliary)
        if taken == 6:
            with torch.no_grad():
                self.net.weight_parameters()[0].fill_(float("inf"))

    monkeypatch.setattr(Bilevel, "weight_step", poisoned)
    with pytest.raises(RunError, match="no longer finite in epoch 2"):
        run_search(small("darts"), tmp_path, device="cpu")
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())


def test_weights_that_leave_nothing_alive_are_a_search_that_has_diverged(tmp_path: Path) -> None:
    """With NaN thresholds every edge is cut; the error that follows is a consequence."""
    config = small("entrannas-dst", "weights.learning_rate=1e30", "schedule.epochs=1")
    with pytest.raises(RunError, match="no longer finite in epoch 1: the search has diverged"):
        run_search(config, tmp_path, device="cpu")


def test_bfloat16_searches_too_and_keeps_its_weights_in_float32(tmp_path: Path, whole: Path) -> None:
    run_search(small("darts", "supernet.precision=bfloat16"), tmp_path, device="cpu")
    assert {value.dtype for value in weights(tmp_path).values() if value.is_floating_point()} == {torch.float32}
    low, full = (history(run)[-1]["weights"]["loss"] for run in (tmp_path, whole / "darts"))
    assert low != full
    assert low == pytest.approx(full, rel=0.05)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="device 'cuda' is not available here; expected cpu"):
        run_search(small("darts"), tmp_path, device="cuda")
    with pytest.raises(TargetError, match="device 'tpu'"):
        run_search(small("darts"), tmp_path, resume=True, device="tpu")


def test_a_run_whose_settings_have_former_spellings_is_read_and_goes_on(whole: Path, tmp_path: Path) -> None:
    """config.json as it was before parts were open: the class by its former name, and settings that mean nothing."""
    run = tmp_path / "run"
    shutil.copytree(whole / "darts", run)
    content = json.loads((run / "config.json").read_text())
    topology = content["config"]["topology"]
    topology["edges"], topology["predecessors"] = topology.pop("name"), [[0, 1]] * 4
    (run / "config.json").write_text(json.dumps(content))
    found = run_search(small("darts"), run, resume=True, device="cpu")
    assert found.genotype == genocc.load(whole / "darts")
    (run / "genotype.json").unlink()
    run_search(small("darts"), run, resume=True, device="cpu")
    assert_same(run, whole / "darts")


@pytest.mark.parametrize("missing", ["costs", "random"])
def test_a_checkpoint_of_an_older_version_says_so(whole: Path, tmp_path: Path, missing: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole / "darts", run)
    (run / "genotype.json").unlink()
    for path in (run / "checkpoint").iterdir():
        state = torch.load(path, weights_only=True)
        del state[missing]
        torch.save(state, path)
    with pytest.raises(RunError, match=f"its checkpoint has no '{missing}': it was written by an older version"):
        run_search(small("darts"), run, resume=True, device="cpu")
