"""The parts of a search, one file each: its settings, and beside them the code that they govern.

Seven kinds of parts are open (`genocc.searchers.registry`): anybody can bring another relaxation, derivation, penalty,
schedule, connection, placement or topology. Parts do not know each other; what they exchange is in
`genocc.searchers.interface`.
"""

from .child import ChildConfig
from .connection import Channels, Connection, WeightedSum
from .data import DataConfig
from .derivation import Argmax, Derivation, NonZero, TopK
from .optimizers import ArchitectureConfig, WeightsConfig
from .penalties import BudgetConfig, ExpectedMacs, Penalty, PenaltyTerm, Sparsity
from .placement import AllCells, FirstCells, HalfOfCells, LastCells, Placement
from .relaxation import ArchitectureParameters, Cen, Chain, Relaxation, Softmax
from .schedule import AlternatingSchedule, Schedule, Stage
from .skeleton import SuperNetConfig
from .space import SpaceConfig
from .topology import AllEdges, FixedEdges, Topology

__all__ = [
    "AllCells",
    "AllEdges",
    "AlternatingSchedule",
    "ArchitectureConfig",
    "ArchitectureParameters",
    "Argmax",
    "BudgetConfig",
    "Cen",
    "Chain",
    "Channels",
    "ChildConfig",
    "Connection",
    "DataConfig",
    "Derivation",
    "ExpectedMacs",
    "FirstCells",
    "FixedEdges",
    "HalfOfCells",
    "LastCells",
    "NonZero",
    "Penalty",
    "PenaltyTerm",
    "Placement",
    "Relaxation",
    "Schedule",
    "Softmax",
    "SpaceConfig",
    "Sparsity",
    "Stage",
    "SuperNetConfig",
    "TopK",
    "Topology",
    "WeightedSum",
    "WeightsConfig",
]
