"""genocc: a genotype-centric neural-architecture compiler.

Many things produce a genotype (searchers, imports, a person with an editor); one narrow waist (`Genotype`, and the
primitive `Graph` it lowers to); many things come out (PyTorch, ONNX, Python source, counts, diagrams). The functions
here mirror the commands. Importing this package imports neither PyTorch nor ONNX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genocc.counting import Counts, count
from genocc.differences import Difference, diff
from genocc.errors import GenoccError
from genocc.genotype import Cell, Edge, Genotype
from genocc.graph import Graph
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.sources import load

if TYPE_CHECKING:
    from genocc.compiler import compile
    from genocc.searchers.request import search
    from genocc.searchers.training.evaluation import evaluate
    from genocc.searchers.training.request import train

__version__ = "0.1.0"

__all__ = [
    "Cell",
    "Counts",
    "Difference",
    "Edge",
    "GenoccError",
    "Genotype",
    "Graph",
    "NetworkConfig",
    "__version__",
    "compile",
    "count",
    "diff",
    "evaluate",
    "load",
    "lower",
    "search",
    "train",
]


_LAZY = {
    "compile": "genocc.compiler",
    "evaluate": "genocc.searchers.training.evaluation",
    "search": "genocc.searchers.request",
    "train": "genocc.searchers.training.request",
}


def __getattr__(name: str) -> Any:
    """Imports what only some programs need when it is first asked for."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genocc' has no attribute '{name}'")
