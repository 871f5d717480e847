"""The parts of a search, one file each: its settings, and beside them the code that they govern.

Parts do not know each other; what they exchange is in `genocc.searchers.interface`.
"""

from .child import ChildConfig
from .connection import ConnectionConfig
from .data import DataConfig
from .derivation import DerivationConfig
from .optimizers import ArchitectureConfig, WeightsConfig
from .penalties import BudgetConfig
from .placement import PlacementConfig
from .relaxation import RelaxationConfig
from .schedule import ScheduleConfig
from .skeleton import SuperNetConfig
from .space import SpaceConfig
from .topology import TopologyConfig

__all__ = [
    "ArchitectureConfig",
    "BudgetConfig",
    "ChildConfig",
    "ConnectionConfig",
    "DataConfig",
    "DerivationConfig",
    "PlacementConfig",
    "RelaxationConfig",
    "ScheduleConfig",
    "SpaceConfig",
    "SuperNetConfig",
    "TopologyConfig",
    "WeightsConfig",
]
