"""``genocc bench``."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from genocc.cli import app


def test_command(tmp_path: Path) -> None:
    options = ["--channels", "4", "--layers", "2", "--batch", "1", "--rounds", "1", "--threads", "1"]
    backends = ["--backend", "eager", "--backend", "genocc-onnx"]
    run = CliRunner().invoke(
        app, ["bench", "zoo:darts-v2", *options, *backends, "-o", str(tmp_path / "x.svg"), "--json"]
    )
    assert run.exit_code == 0, run.output
    assert [t["backend"] for t in json.loads(run.stdout)["timings"]] == ["eager", "genocc-onnx"]
    assert (tmp_path / "x.svg").exists()
    refused = CliRunner().invoke(app, ["bench", "zoo:darts-v2", "-o", "x.jpg"])
    assert refused.exit_code == 2
    assert "charts are drawn as .svg, .pdf, .png" in refused.stderr
