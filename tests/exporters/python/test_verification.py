"""Verification of Python source: run as its users would run it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from genocc import Genotype
from genocc.compiler import compile, compile_net
from genocc.errors import TargetError
from genocc.exporters.python.exporter import PythonExporter, source
from genocc.operations import dilated
from tests.exporters.python.custom import genotype_of
from tests.exporters.python.python_files import TINY


def test_verification_sees_another_net(darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = source(darts_v2, TINY).replace("s5 = self.nodes[3](s0, s2)", "s5 = self.nodes[3](s1, s2)")
    monkeypatch.setattr("genocc.exporters.python.exporter.source", lambda *_: wrong)
    with pytest.raises(Exception, match="not written: it differs from PyTorch"):
        compile(darts_v2, TINY, to="python", output=tmp_path / "net.py")
    assert not list(tmp_path.iterdir())


def test_names_that_pytorch_needs_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    net = compile_net(genotype_of("half", dilated(3), monkeypatch), TINY)
    PythonExporter().write(net, tmp_path / "net.py")
    with pytest.raises(TargetError, match="the source does not run: KeyError"):
        PythonExporter().verify(net, tmp_path / "net.py", "cpu")


def test_the_programs_arguments_and_modules_are_its_own(
    darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`runpy` changes ``sys``, and of two threads one would put back what the other has put there."""
    monkeypatch.setattr("runpy.run_path", None)
    before = list(sys.argv), set(sys.modules)
    compile(darts_v2, TINY, to="python", output=tmp_path / "net.py")
    assert (list(sys.argv), "net" in sys.modules) == (before[0], "net" in before[1])
