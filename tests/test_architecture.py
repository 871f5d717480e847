"""docs/architecture.md: its picture is what the code says, and the journeys pass through the files they name."""

import subprocess
import sys

from tests.sample_data import ROOT


def test_the_picture_is_what_the_code_says() -> None:
    """To draw it anew: make architecture."""
    script = [sys.executable, "docs/draw_architecture.py", "--check"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
