"""``genocc import`` and ``genocc export-text`` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import genocc
from genocc.formats import DIALECTS
from tests.cli.commands import error, run

FAIR = (
    "fair = Genotype(normal=[('skip_connect', 2, 0), ('sep_conv_3x3', 4, 2), ('skip_connect', 4, 3)], "
    "normal_concat=range(2, 5), reduce=[('max_pool_3x3', 2, 1)], reduce_concat=[2])\n"
)


def test_import_writes_a_genotype_and_prints_notes_on_standard_error(tmp_path: Path) -> None:
    source, target = tmp_path / "genotypes.py", tmp_path / "fair.json"
    source.write_text(f"# two genotypes\nother = 3\n{FAIR}", encoding="utf-8")
    result = run("import", str(source), "--from", "fairdarts", "-o", str(target))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "note: cell 'normal', node 4, edge 2 of 2 ('skip_connect' from 3): comes from a node without edges: left out",
        "note: cell 'normal': node 3 without edges: left out, also from the concat; node 4 becomes 3",
    ]
    genotype = genocc.load(target)
    assert genotype.name == "fair"
    assert genotype.cells["normal"].concat == (2, 3)


def test_import_from_standard_input_to_standard_output() -> None:
    result = run("import", "-", "--from", "nas-bench-201", input="|nor_conv_3x3~0|")
    printed = json.loads(result.stdout)
    assert printed["cells"] == {
        "normal": {"inputs": 1, "nodes": [[{"op": "conv_3x3", "from": 0}]], "concat": [1]},
    }
    assert printed["name"] == "nas-bench-201"


def test_one_of_several(tmp_path: Path) -> None:
    source = tmp_path / "genotypes.py"
    source.write_text(FAIR + FAIR.replace("fair =", "other ="), encoding="utf-8")
    line = error("import", str(source), "--from", "fairdarts")
    assert line.endswith("genotypes.py: dialect fairdarts: several genotypes; choose one with --name: fair, other")
    assert json.loads(run("import", str(source), "--from", "fairdarts", "--name", "other").stdout)["name"] == "other"


def test_errors_leave_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    source = tmp_path / "text.py"
    source.write_text(FAIR.replace("sep_conv_3x3", "noise"), encoding="utf-8")
    line = error("import", str(source), "--from", "fairdarts", "-o", str(target))
    assert "text.py: dialect fairdarts: cell 'normal', node 4, edge 1 of 2 ('noise' from 2): the operation has" in line
    assert "no such file" in error("import", str(tmp_path / "missing.py"), "--from", "darts", "-o", str(target))
    assert "is a directory" in error("import", str(tmp_path), "--from", "darts", "-o", str(target))
    assert "unknown dialect 'nas_bench_301'; did you mean 'nas-bench-301'?" in error(
        "import", str(source), "--from", "nas_bench_301"
    )
    assert "cannot express 'fairdarts-a': cell 'normal': 3 nodes; expected 4" in error(
        "export-text", "zoo:fairdarts-a", "--to", "nni", "-o", str(target)
    )
    source.write_bytes(b"x" * (1 << 21))
    assert "larger than the limit" in error("import", str(source), "--from", "darts", "-o", str(target))
    source.write_bytes(b"\xff")
    assert "not UTF-8 text" in error("import", str(source), "--from", "darts", "-o", str(target))
    assert not target.exists()


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "nas-bench-201"])
def test_export_and_import_again(dialect: str, tmp_path: Path) -> None:
    text = tmp_path / "text"
    assert run("export-text", "zoo:darts-v2", "--to", dialect, "-o", str(text)).exit_code == 0
    assert run("export-text", "zoo:darts-v2", "--to", dialect).stdout == text.read_text(encoding="utf-8")
    result = run("import", str(text), "--from", dialect)
    assert genocc.Genotype.loads(result.stdout).hash == genocc.load("zoo:darts-v2").hash


def test_neither_imports_what_is_slow() -> None:
    code = (
        "import sys; from genocc.cli import app; from typer.testing import CliRunner;"
        "r = CliRunner().invoke(app, ['export-text', 'zoo:darts-v2', '--to', 'darts']); assert r.exit_code == 0;"
        "r = CliRunner().invoke(app, ['import', '-', '--from', 'darts'], input=r.output); assert r.exit_code == 0;"
        "print(sorted({'torch', 'onnx', 'onnxruntime', 'openvino', 'numpy', 'yaml', 'networkx'} & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "[]\n", process.stderr


def test_without_a_dialect_all_are_tried(tmp_path: Path) -> None:
    source = tmp_path / "fair.py"
    source.write_text(FAIR, encoding="utf-8")
    result = run("import", str(source))
    assert result.exit_code == 0
    assert result.stderr.startswith("note: read as fairdarts\n")
    assert json.loads(result.stdout)["metadata"]["dialect"] == "fairdarts"
    assert error("import", str(source), "--from", "darts").endswith("; --from fairdarts reads it")
    source.write_text("nothing\n", encoding="utf-8")
    assert "no genotype found; expected a text of one of darts, " in error("import", str(source))


def test_a_log_has_many_and_line_chooses(tmp_path: Path) -> None:
    source = tmp_path / "log.txt"
    call = FAIR.split(" = ")[1]
    lines = [f"2024-05-01 10:0{n}:00,123 - INFO - {call}".replace("sep_conv_3x3", f"sep_conv_{n}x{n}") for n in (3, 5)]
    source.write_text("starts\n" + "".join(lines), encoding="utf-8")
    result = run("import", str(source))
    assert "note: the log has 2 genotypes; this is the last, on line 3; --line takes another\n" in result.stderr
    assert "sep_conv_5x5" in result.stdout
    assert "sep_conv_3x3" in run("import", str(source), "--line", "2").stdout
    assert "no genotype on line 1; they start on 2, 3" in error(
        "import", str(source), "--from", "fairdarts", "--line", "1"
    )


def test_encodings(tmp_path: Path) -> None:
    source = tmp_path / "fair.py"
    source.write_text(FAIR, encoding="utf-16")
    assert run("import", str(source)).exit_code == 0
    source.write_bytes("# 搜索得到的结构\n".encode("gbk") + FAIR.encode())
    assert error("import", str(source)).endswith(f"it looks like GBK; convert it: iconv -f GBK -t UTF-8 {source}")
