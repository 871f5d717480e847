"""The public names: each is there, and costs nothing before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import genocc


def test_every_public_name_can_be_imported() -> None:
    assert sorted(genocc.__all__) == dir(genocc)
    for name in genocc.__all__:
        assert getattr(genocc, name) is not None
    with pytest.raises(AttributeError, match="module 'genocc' has no attribute 'kompile'"):
        _ = genocc.kompile


@pytest.mark.parametrize(
    "program",
    [
        "import genocc; genocc.count(genocc.open('zoo:darts-v2'))",
        "from genocc.cli import app; app(['--help'], standalone_mode=False)",
        "from genocc.cli import app; app(['count', 'zoo:darts-v2'], standalone_mode=False)",
    ],
)
def test_looking_imports_nothing_heavy(program: str) -> None:
    said = f"import sys; {program}\nprint(sorted({{'torch', 'onnx', 'matplotlib', 'scipy'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout
    assert found.splitlines()[-1] == "[]"
