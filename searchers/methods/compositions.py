"""The six methods, each a composition of parts; a third party's package registers its own in ``genocc.searchers``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..method import Method
from ..parts import (
    AlternatingSchedule,
    ArchitectureConfig,
    Argmax,
    Cen,
    DataConfig,
    FirstCells,
    FixedEdges,
    NonZero,
    Softmax,
    SpaceConfig,
    SuperNetConfig,
    WeightedSum,
    WeightsConfig,
)
from ..topologies.shipped import best_topology


class Darts(Method):
    """DARTS: every operation on every edge, weighted by a softmax; the top two edges per node are kept."""

    name = "darts"
    paper = "Liu et al., DARTS, ICLR 2019"


class PcDarts(Method):
    """PC-DARTS: operations see 1/K of the channels; edges get weights of their own."""

    name = "pc-darts"
    paper = "Xu et al., PC-DARTS, ICLR 2020"
    relaxation = Softmax(edge_normalization=True)
    connection = WeightedSum(partial=4)
    schedule = AlternatingSchedule(warmup=0.3, batch_size=256)
    weights = WeightsConfig(learning_rate=0.1, learning_rate_end=0.0)
    architecture = ArchitectureConfig(learning_rate=6e-4)
    imagenet: ClassVar[Mapping[str, Any]] = {
        "connection": {"partial": 2},
        "schedule": {"warmup": 0.7},
        "data": {"validation": 0.025},
        "weights": {"weight_decay": 3e-5},
    }


class EcDarts(Method):
    """EC-DARTS: an operation competes with itself on a node's other edges (CEN); IST trains the derived model too."""

    name = "ec-darts"
    paper = "Zhou et al., EC-DARTS, ICCV 2021"
    relaxation = Cen()
    schedule = AlternatingSchedule(epochs=25, ist=True)
    imagenet: ClassVar[Mapping[str, Any]] = {"schedule": {"epochs": 30}, "data": {"validation": 0.025}}


class EDarts(Method):
    """eDARTS: two fixed edges per node, attention to operations, a small subset, one architecture step per epoch."""

    name = "edarts"
    paper = "Siddiqui et al., eDARTS, ICPR 2020"
    topology = FixedEdges(predecessors=best_topology())  # docs/results/rank-topologies.md
    relaxation = Softmax(
        attention={"sep_conv_3x3": 6e-4, "sep_conv_5x5": 4e-4, "dil_conv_5x5": -6e-4, "dil_conv_3x3": -4e-4}
    )
    derivation = Argmax()
    schedule = AlternatingSchedule(order=2, architecture_steps="epoch")
    supernet = SuperNetConfig(layers=5)
    data = DataConfig(name="cifar10", training=2500, validation=2500)


class EnTranNas(Method):
    """EnTranNAS: two mixed cells are the engine, the others carry the derived architecture; features are shared."""

    name = "entrannas"
    paper = "Yang et al., EnTranNAS, CVPR 2021"
    relaxation = Softmax(temperature=5.0, temperature_ratio=0.923)
    connection = WeightedSum(share=True, bottleneck=4)
    placement = FirstCells()
    schedule = AlternatingSchedule(batch_size=512)
    weights = WeightsConfig(learning_rate=0.2, learning_rate_end=0.0)
    architecture = ArchitectureConfig(learning_rate=6e-4)


class EnTranNasDst(EnTranNas):
    """EnTranNAS-DST: a learned threshold cuts coefficients to zero; whatever is left is the architecture."""

    name = "entrannas-dst"
    space = SpaceConfig(name="darts-no-zero")
    relaxation = Softmax(temperature=5.0, temperature_ratio=0.923, dst=True)
    derivation = NonZero()
    # where tau ends on CIFAR-10; alphas travel 2 in these steps, there 1.5
    quick: ClassVar[Mapping[str, Any]] = {"relaxation": {"temperature_floor": 0.1}}
    imagenet: ClassVar[Mapping[str, Any]] = {"relaxation": {"temperature": 1.0, "temperature_ratio": 0.9}}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nas-bench-201": {"space": {"name": "nas-bench-201-no-zero"}}}
