"""``genocc sample``."""

import json
from pathlib import Path

from typer.testing import CliRunner

from genocc.cli import app


def test_it_writes_genotypes_that_other_commands_read(tmp_path: Path) -> None:
    folder = tmp_path / "some"
    arguments = ["sample", "-n", "2", "--space", "ss1", "--seed", "4", "-o", str(folder), "--max-macs", "700M"]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout.strip()) == (0, f"2 genotypes in {folder}")
    first, second = sorted(folder.iterdir())
    shown = CliRunner().invoke(app, ["count", str(first), "--json"])
    assert json.loads(shown.stdout)["macs"] <= 700_000_000
    again = CliRunner().invoke(app, [*arguments[:7], "-o", str(tmp_path / "more"), "--max-macs", "700M", "--json"])
    paths = json.loads(again.stdout)["genotypes"]
    assert [Path(path).read_bytes() for path in paths] == [first.read_bytes(), second.read_bytes()]


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["sample", "--space", "drats", "-o", str(tmp_path / "x")])
    assert result.exit_code == 2
    assert "unknown search space 'drats'" in result.output
