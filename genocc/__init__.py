"""genocc: a genotype-centric neural-architecture compiler.

Many things produce a genotype (searchers, imports, a person with an editor); one narrow waist (`Genotype`, and the
primitive `Graph` it lowers to); many things come out (PyTorch, ONNX, Python source, counts, diagrams). The functions
here mirror the commands. Importing this package imports nothing else: each name comes when it is first asked for.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genocc.compiler import compile
    from genocc.counting import Counts, count
    from genocc.differences import Difference, diff
    from genocc.errors import GenoccError
    from genocc.genotype import Cell, Edge, Genotype
    from genocc.graph import Graph
    from genocc.lowering import lower
    from genocc.network import NetworkConfig
    from genocc.searchers.request import search
    from genocc.source import Source, load, open
    from genocc.training.evaluation import evaluate
    from genocc.training.request import train

from genocc.version import __version__

__all__ = [
    "Cell",
    "Counts",
    "Difference",
    "Edge",
    "GenoccError",
    "Genotype",
    "Graph",
    "NetworkConfig",
    "Source",
    "__version__",
    "compile",
    "count",
    "diff",
    "evaluate",
    "load",
    "lower",
    "open",
    "search",
    "train",
]

_MODULES = {
    "Cell": "genotype",
    "Counts": "counting",
    "Difference": "differences",
    "Edge": "genotype",
    "GenoccError": "errors",
    "Genotype": "genotype",
    "Graph": "graph",
    "NetworkConfig": "network",
    "Source": "source",
    "compile": "compiler",
    "count": "counting",
    "diff": "differences",
    "evaluate": "training.evaluation",
    "load": "source",
    "lower": "lowering",
    "open": "source",
    "search": "searchers.request",
    "train": "training.request",
}


# ONNX Runtime 1.29 and later report to their makers from their import on, and keep an identifier in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for."""
    if name in _MODULES:
        return getattr(import_module(f"genocc.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'genocc' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Returns the public names, whether or not they have been imported."""
    return __all__
