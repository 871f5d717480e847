"""TorchInductor: what the table's test does not say of it."""

from __future__ import annotations

import importlib.util

import pytest

from genocc.runtimes.torch_inductor import INDUCTOR


def test_it_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    assert INDUCTOR.lacks("cpu") == (
        "TorchInductor needs a C++ compiler, and none of g++, clang++, c++, cl is here; install one"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "needs the package triton, which is missing" in str(INDUCTOR.lacks("cuda"))
