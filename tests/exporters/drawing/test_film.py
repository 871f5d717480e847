"""`genocc draw RUN -o evolution.gif`: a film in one layout, of few bytes, or one clear error."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from genocc.cli import app
from genocc.errors import GenotypeError, TargetError
from genocc.exporters.drawing.evolution import cell_evolutions
from genocc.exporters.drawing.film import HOLD, MOST, blend, draw_film, positions
from genocc.runs.reading import read_history
from tests.exporters.runs import write_search, write_training


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        found = []
        for number in range(film.n_frames):
            film.seek(number)
            found.append(np.asarray(film.convert("RGB"), dtype=np.int16))
        return found


def test_the_film_of_a_search(tmp_path: Path) -> None:
    write_search(tmp_path / "run", epochs=2, name="costs $5 to $9")  # dollars are no mathematics
    draw_film(tmp_path / "run", tmp_path / "a.gif")
    found = frames(tmp_path / "a.gif")
    assert len({frame.shape for frame in found}) == 1
    assert np.abs(found[0] - found[-1]).max() > 100
    # the states stay where they are: in the middle of each is its fill or its name in every frame
    normal, _ = cell_evolutions(tmp_path / "run", read_history(tmp_path / "run"))
    width = found[0].shape[1]
    for name, box in normal.geometry.vertices.items():
        if name != "output":
            x, scale = round((box.x - box.width / 2 + 4) * width / normal.geometry.width), width / normal.geometry.width
            y = round((44 + 18 + box.y) * scale)
            colors = {tuple(frame[y, x].tolist()) for frame in found}
            assert len(colors) == 1, name
            assert colors != {(255, 255, 255)}, name
    with Image.open(tmp_path / "a.gif") as film:
        assert film.info["loop"] == 0
        film.seek(film.n_frames - 1)
        assert film.info["duration"] >= 1000  # the end can be looked at


def test_one_cell_only(tmp_path: Path) -> None:
    write_search(tmp_path / "run", epochs=1)
    draw_film(tmp_path / "run", tmp_path / "both.gif")
    draw_film(tmp_path / "run", tmp_path / "one.gif", ["normal"])
    with Image.open(tmp_path / "both.gif") as both, Image.open(tmp_path / "one.gif") as one:
        assert one.height < 0.7 * both.height
    with pytest.raises(GenotypeError, match="has no cell 'stem'; expected normal or reduction"):
        draw_film(tmp_path / "run", tmp_path / "a.gif", ["stem"])


@pytest.mark.parametrize("epochs", [1, 2, 12, 50, 600, 5000])
def test_films_last_seconds_however_long_the_search_was(epochs: int) -> None:
    found = positions(epochs)
    assert found[0] == 0
    assert found[-HOLD:] == [epochs - 1] * HOLD
    assert found == sorted(found)
    assert len(found) <= MOST + 2 * HOLD


def test_between_two_frames_lies_their_mean(tmp_path: Path) -> None:
    write_search(tmp_path)
    normal, _ = cell_evolutions(tmp_path, read_history(tmp_path))
    first, second = normal.frames[:2]
    assert blend(first, second, 0) == first
    middle = blend(first, second, 0.5)
    assert middle.labels == second.labels
    assert middle.ribbons[2][1].width == pytest.approx((first.ribbons[2][1].width + second.ribbons[2][1].width) / 2)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg here")
def test_the_film_as_video(tmp_path: Path) -> None:
    write_search(tmp_path / "run", epochs=2)
    draw_film(tmp_path / "run", tmp_path / "a.mp4", ["normal"])
    command = ["ffmpeg", "-loglevel", "error", "-i", str(tmp_path / "a.mp4"), str(tmp_path / "%03d.png")]
    subprocess.run(command, check=True, capture_output=True)
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == len(positions(2))


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["draw", *map(str, arguments)])
    return result.exit_code, result.stderr


def test_what_cannot_be_filmed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genotype = write_search(tmp_path / "run", epochs=1)
    write_training(tmp_path / "training", genotype)
    output = tmp_path / "a.gif"
    assert run("zoo:darts-v2", "-o", output) == (
        2,
        "genocc: error: zoo:darts-v2: not a run folder; a film (.gif) shows the epochs of a search\n",
    )
    code, error = run(tmp_path / "training", "-o", output)
    assert code == 2
    assert "no coefficients in its history" in error
    lines = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    for cell in (cell for line in lines for cell in line["coefficients"].values()):
        del cell["edges"], cell["operations"]  # as the first version wrote them
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_bytes((tmp_path / "run" / "config.json").read_bytes())
    (tmp_path / "old" / "history.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    code, error = run(tmp_path / "old", "-o", output)
    assert code == 2
    assert "no coefficients in its history that name their edges" in error
    monkeypatch.setenv("PATH", str(tmp_path))
    code, error = run(tmp_path / "run", "-o", tmp_path / "a.mp4")
    assert code == 2
    assert "the program `ffmpeg` is missing; install it" in error
    code, error = run(tmp_path / "run", "-o", output)
    assert code == 2
    assert "the program `dot` is missing" in error
    assert not output.exists()
    with pytest.raises(TargetError, match=r"films end in .gif or .mp4"):
        draw_film(tmp_path / "run", tmp_path / "a.webm")


def test_a_broken_ffmpeg_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_search(tmp_path / "run", epochs=1)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho 'no such encoder' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    code, error = run(tmp_path / "run", "-o", tmp_path / "a.mp4")
    assert code == 2
    assert "`ffmpeg` failed with status 3: no such encoder" in error
    assert not (tmp_path / "a.mp4").exists()


def test_a_picture_of_a_run_is_still_its_genotype(tmp_path: Path) -> None:
    write_search(tmp_path / "run")
    assert run(tmp_path / "run", "-o", tmp_path / "cells.dot") == (0, "")
    assert "digraph" in (tmp_path / "cells.dot").read_text()
