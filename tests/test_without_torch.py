"""The waist needs no PyTorch: an environment of its own packages alone counts, draws, imports and compiles to ONNX."""

from __future__ import annotations

import json
import re
import subprocess
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import onnx
import pytest

from tests.sample_data import ROOT

WAIST = ("pydantic", "typer", "rich", "pyyaml", "graphviz", "networkx", "numpy", "safetensors", "onnx", "filelock")
"""Distributions; what they need comes with them."""
NETWORK = ("--channels", "4", "--layers", "2", "--input-size", "8")
TEXT = """
PC = Genotype(
    normal=[('sep_conv_3x3', 1), ('skip_connect', 0)], normal_concat=[2],
    reduce=[('max_pool_3x3', 0), ('sep_conv_5x5', 1)], reduce_concat=[2])
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with genocc and the waist's packages, and nothing else."""
    folder = tmp_path_factory.mktemp("waist")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
    for found in _with_what_they_need(WAIST).values():
        for name in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (packages / name).symlink_to(Path(str(found.locate_file(name))))
    (packages / "genocc").mkdir()
    for path in (*(ROOT / "genocc").iterdir(), ROOT / "searchers", ROOT / "exporters"):
        (packages / "genocc" / path.name).symlink_to(path)
    (information := packages / "genocc-0.dist-info").mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (information / name).write_text(distribution("genocc").read_text(name) or "Name: genocc\nVersion: 0\n")
    return next(iter((*folder.glob("bin/python"), *folder.glob("Scripts/python.exe"))))


def _with_what_they_need(names: tuple[str, ...]) -> dict[str, Distribution]:
    todo, found = list(names), dict[str, Distribution]()
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name not in found:
            found[name] = distribution(name)
            needed = [text for text in found[name].requires or () if ";" not in text]
            todo += [re.match(r"[\w.-]+", text)[0] for text in needed]  # type: ignore[index]
    return found


def genocc(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-I", "-m", "genocc", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_there_is_no_torch(python: Path, tmp_path: Path) -> None:
    code = "import importlib.util as i; print([m for m in ('torch', 'onnxruntime', 'scipy') if i.find_spec(m)])"
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_waist_works(python: Path, tmp_path: Path) -> None:
    (tmp_path / "genotypes.py").write_text(TEXT)
    for arguments in (
        ("import", "genotypes.py", "-o", "pc.json"),
        ("show", "pc.json"),
        ("draw", "pc.json", "-o", "pc.dot"),
        ("compile", "pc.json", "--to", "onnx", "--no-verify", "-o", "pc.onnx", *NETWORK),
    ):
        done = genocc(python, *arguments, folder=tmp_path)
        assert done.returncode == 0, (arguments, done.stderr)
    counted = json.loads(genocc(python, "count", "zoo:darts-v2", "--json", folder=tmp_path).stdout)
    assert counted["parameters"] == 3_349_342
    onnx.checker.check_model(onnx.load(tmp_path / "pc.onnx"), full_check=True)


@pytest.mark.parametrize(
    "arguments", [("verify", "pc.onnx"), ("train", "zoo:darts-v2", "--out", "t"), ("search",)], ids=lambda a: a[0]
)
def test_what_needs_torch_says_so(python: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert (
        genocc(
            python, "compile", "zoo:darts-v2", "--to", "onnx", "--no-verify", "-o", "pc.onnx", *NETWORK, folder=tmp_path
        ).returncode
        == 0
    )
    done = genocc(python, *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"genocc: error: this needs the module \w+, which is not installed: .*\n", done.stderr)
