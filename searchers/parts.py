"""The parts of a search's configuration: one model a part, every number of the papers a field with its source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator
from pydantic_core import PydanticCustomError

from genocc.errors import GenoccError
from genocc.network import NetworkConfig, SkeletonName
from genocc.operations import get, search_space
from genocc.runs import LARGEST


def _count(value: float) -> float:
    if value > 1 and not value.is_integer():
        raise PydanticCustomError("count", "expected a share up to 1, or a whole number of images")
    return value


Rate = Annotated[float, Field(ge=0, lt=float("inf"))]
Epochs = Annotated[int, Field(gt=0, le=10_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
ImageCount = Annotated[float, Field(gt=0), AfterValidator(_count)]
"""A share of the images up to 1, or their number."""


class Part(BaseModel):
    """Base of the parts: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _of_this_world(cls, value: object) -> object:
        numbers = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, (int, float)) and abs(number) > LARGEST:
                refuse(f"found {float(number):g}; expected a number up to {LARGEST:g}")
        return value


class SpaceConfig(Part):
    """Which operations compete on an edge.

    Attributes:
        name: A search space: ``darts`` (8 with ``none``; DARTS, PC-DARTS 4.1, EC-DARTS 5.2), ``darts-no-zero`` (DST:
            EnTranNAS, Appendix A.2), ``extended`` (EnTranNAS, Table 8), ``ss1`` to ``ss8`` (eDARTS, Table I). Each
            also with ``-no-zero`` behind its name. Or a list of operations: ``["none","skip_connect","conv_3x3"]``.
        pool: The pool of ss1 to ss8: ``max`` or ``avg`` (eDARTS, III-A).
    """

    name: str | tuple[str, ...] = "darts"
    pool: Literal["max", "avg"] = "max"

    @model_validator(mode="after")
    def _exists(self) -> Self:
        try:
            names = self.operations
        except GenoccError as error:
            refuse(str(error))
        if len(set(names)) < len(names) or not set(names) - {"none"}:
            refuse(f"space.name: found {list(names)}; expected distinct operations, at least one besides 'none'")
        return self

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations, in order."""
        return tuple(operation.name for operation in search_space(self.name, self.pool))


class TopologyConfig(Part):
    """Which edges exist in the super-cell.

    Attributes:
        edges: ``all`` (every earlier state to every node), or ``fixed`` (those of ``predecessors``; eDARTS, IV-D).
        nodes: Number of intermediate nodes of a cell; all papers have 4.
        predecessors: With ``fixed``, the states that each node reads, node by node. eDARTS does not print which of
            the 180 it fixed; its default is the best of our own ranking (docs/results/rank-topologies.md).
    """

    edges: Literal["all", "fixed"] = "all"
    nodes: int = Field(default=4, ge=1, le=16)
    predecessors: tuple[tuple[int, ...], ...] = ((0, 1), (0, 1), (0, 1), (0, 1))

    @model_validator(mode="after")
    def _earlier(self) -> Self:
        if self.edges == "all":
            return self
        if len(self.predecessors) != self.nodes:
            refuse(
                f"topology.predecessors: {len(self.predecessors)} nodes; topology.nodes expects {self.nodes} "
                "(one list of states for each)"
            )
        for number, sources in enumerate(self.predecessors):
            if not sources or len(set(sources)) != len(sources) or not all(0 <= s < number + 2 for s in sources):
                refuse(
                    f"topology.predecessors[{number}]: found {list(sources)}; expected distinct earlier states, "
                    f"0 to {number + 1}"
                )
        return self


class RelaxationConfig(Part):
    """From architecture parameters to the coefficient of each edge and (edge, operation).

    Attributes:
        normalization: ``softmax`` over the operations of an edge (DARTS; EnTranNAS Eq. 2), or ``cen``: over a node's
            incoming edges, for each operation apart (EC-DARTS Eq. 4).
        edge_normalization: Whether edges have weights of their own, a softmax over a node's edges (PC-DARTS Eq. 2).
        attention: Constants added to the alphas, in search and in derivation (eDARTS III-A, IV-C).
        temperature: tau of the first epoch (EnTranNAS Eq. 5; 4.2: 5.0).
        temperature_ratio: By what tau is multiplied in each of 50 epochs; runs of other lengths stretch the schedule:
            tau(e) = temperature x ratio^(50 e / epochs) (EnTranNAS 4.2: 0.923).
        dst: Whether small coefficients become exactly zero by a learned threshold a node (EnTranNAS Eqs. 7-9).
        sparsity: Lambda of Eq. 11, with ``dst``. 4.3 has 0.2, Table 4 also 0.1 and 0.05, all on ImageNet; 0.2 on
            CIFAR is ours.
        threshold_start: Every beta of Eq. 8 before the search: 0 is a threshold of 0.5, all operations alive (ours).
        alpha_noise: Standard deviation of the alphas before the search (from the DARTS program).
    """

    normalization: Literal["softmax", "cen"] = "softmax"
    edge_normalization: bool = False
    attention: dict[str, float] = Field(default_factory=dict)
    temperature: float = Field(default=1.0, gt=0)
    temperature_ratio: float = Field(default=1.0, gt=0, le=1)
    dst: bool = False
    sparsity: Rate = 0.2
    threshold_start: float = 0.0
    alpha_noise: Rate = 1e-3

    @field_validator("attention")
    @classmethod
    def _known(cls, attention: dict[str, float]) -> dict[str, float]:
        for name in attention:
            try:
                get(name)
            except GenoccError as error:
                refuse(str(error))
        return attention


class ConnectionConfig(Part):
    """How an edge is computed.

    Attributes:
        partial: K: only the first 1/K of the channels goes through the operations, the rest bypasses them (PC-DARTS
            Eq. 1; 4.2: 4 on CIFAR-10, 4.3: 2 on ImageNet). 1: all channels.
        share: Whether an operation on a state is computed once a cell, for all nodes that read it (EnTranNAS 2.3).
        bottleneck: Ratio by which a 1x1 convolution reduces the channels before all operations; another recovers them
            at each node (EnTranNAS 2.5: 4). None: no bottleneck.
    """

    partial: int = Field(default=1, ge=1, le=64)
    share: bool = False
    bottleneck: Annotated[int, Field(ge=2, le=64)] | None = None

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        if self.partial > 1 and self.bottleneck:
            refuse(
                "connection.bottleneck with connection.partial > 1: the bottleneck mixes all channels before the "
                "operations, so none are left that could bypass them; choose one of the two"
            )
        if self.partial > 1 and self.share:
            refuse(
                "connection.share with connection.partial > 1: an edge of PC-DARTS is its operations and its own "
                "bypass, so a feature shared by edges would stand for a part of each; choose one of the two"
            )
        return self


class PlacementConfig(Part):
    """Which cells are mixed (engine cells), the others being derived (transit cells).

    Attributes:
        engine: ``all``; ``half``: the first L//2 cells; ``first`` or ``last``: the first or last normal cell and the
            first or last reduction cell (EnTranNAS 2.5, Table 1).
    """

    engine: Literal["all", "half", "first", "last"] = "all"


class DerivationConfig(Part):
    """From coefficients to the set of (edge, operation) that a genotype has. ``none`` never wins.

    Attributes:
        rule: ``top-k`` for each node (DARTS; EnTranNAS Eq. 4); ``argmax``: the best operation of every edge (eDARTS
            III-B); ``non-zero``: every operation whose coefficient is not zero (EnTranNAS Eq. 10).
        edges_per_node: k of ``top-k``; all papers have 2.
        distinct_predecessors: Whether the k come from k different states, each with its best operation, as in the
            DARTS program; false is the literal Eq. 4 of EnTranNAS: the k best of all.
    """

    rule: Literal["top-k", "argmax", "non-zero"] = "top-k"
    edges_per_node: int = Field(default=2, ge=1)
    distinct_predecessors: bool = True


class ScheduleConfig(Part):
    """What is updated when, on which half of the data, through which view.

    Attributes:
        epochs: Of the whole search (DARTS, PC-DARTS 4.2, EnTranNAS 4.2: 50; EC-DARTS 5.3: 25).
        batch_size: Images a step, of either kind (DARTS, EC-DARTS 5.3: 64; PC-DARTS 4.2: 256; EnTranNAS 4.2: 512; on
            ImageNet 1,024).
        order: 1, or 2 for DARTS' second-order architecture gradient (eDARTS IV-B uses 2).
        warmup: Fraction of the epochs without architecture steps (PC-DARTS 4.2: 15 of 50; 4.3: 35 of 50).
        architecture_steps: ``batch``: one before each weight step; ``epoch``: one at the end of each epoch (eDARTS
            III-C, "sparse update").
        ist: Whether Induced Structural Transition wraps the epochs (EC-DARTS 4.2, Algorithm 1).
        auxiliary_coefficients: What multiplies the operations of IST's auxiliary model: ``weights`` (alpha*) or
            ``ones``; the paper allows both readings.
        architecture_view: Through what IST's architecture steps go: ``full``, the mixed net that holds the auxiliary
            weights (Eq. 6), or ``auxiliary``, the derived one.
    """

    epochs: Epochs = 50
    batch_size: int = Field(default=64, ge=2)
    order: Literal[1, 2] = 1
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    architecture_steps: Literal["batch", "epoch"] = "batch"
    ist: bool = False
    auxiliary_coefficients: Literal["ones", "weights"] = "weights"
    architecture_view: Literal["full", "auxiliary"] = "full"

    @field_validator("order", mode="before")
    @classmethod
    def _number(cls, order: object) -> object:
        return int(order) if isinstance(order, str) and order.isdigit() else order

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        if self.ist and self.order == 2:
            refuse(
                "schedule.order=2 with schedule.ist=true: the second order steps virtually from the weights that the "
                "next weight step will change, and IST's architecture steps come after all weight steps of the epoch; "
                "use schedule.order=1"
            )
        if self.ist and self.architecture_steps == "epoch":
            refuse(
                "schedule.architecture_steps=epoch with schedule.ist=true: Algorithm 1 has an architecture phase of "
                "its own over the validation half; use schedule.architecture_steps=batch"
            )
        return self


class WeightsConfig(Part):
    """SGD with momentum for w, its learning rate following a cosine over the epochs.

    Attributes:
        learning_rate: Of the first epoch (DARTS 0.025; PC-DARTS 4.2: 0.1; EnTranNAS 4.2: 0.2).
        learning_rate_end: Of the last (DARTS 0.001; PC-DARTS and EnTranNAS: 0).
        momentum: 0.9 in all papers.
        weight_decay: 3e-4 (PC-DARTS 4.3, on ImageNet: 3e-5).
        clip: Largest norm of the gradient (from the DARTS program: 5).
    """

    learning_rate: float = Field(default=0.025, gt=0)
    learning_rate_end: Rate = 0.001
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Rate = 3e-4
    clip: float = Field(default=5.0, gt=0)


class ArchitectureConfig(Part):
    """Adam for alpha and beta, its learning rate constant.

    Attributes:
        learning_rate: DARTS and EC-DARTS 5.3: 3e-4; PC-DARTS 4.2 and EnTranNAS 4.2: 6e-4; on ImageNet 6e-3.
        betas: (0.5, 0.999) in all papers that say it (PC-DARTS 4.2, EnTranNAS 4.2).
        weight_decay: 1e-3 in all papers.
    """

    learning_rate: float = Field(default=3e-4, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.5, 0.999)
    weight_decay: Rate = 1e-3


class SuperNetConfig(Part):
    """The skeleton around the super-cells; sizes of images and classes come from the data.

    Attributes:
        skeleton: ``cifar``, or ``imagenet``: a stem of three stride-2 convolutions (PC-DARTS 4.3, EnTranNAS 4.3).
        channels: C of the first cells (16 in all papers).
        layers: Number of cells (8; eDARTS IV-E: 5). Below 3 there is no normal cell.
        stem_stride: How much the stem shrinks the image; None: the skeleton's default. EC-DARTS 5.4 has 2 for
            Tiny-ImageNet.
        precision: What features are computed in; ``bfloat16`` by PyTorch's autocast, weights staying float32.
    """

    skeleton: SkeletonName = "cifar"
    channels: PositiveInt = 16
    layers: int = Field(default=8, ge=3)
    stem_stride: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"


class ImagesConfig(Part):
    """Which images, and how they are augmented.

    Attributes:
        name: ``digits``, ``cifar10``, ``cifar100``, ``imagefolder``, ``fake``, or a data set of another package.
        folder: Where its files are.
        download: Whether a missing data set may be fetched.
        size: Height and width that images are resized to; None: as the data set has them.
        split_seed: Of every random division of the images.
        padding: How far the random crop may move an image; None: an eighth of its size.
        flip: Whether images are mirrored at random; None: as the data set says (digits: no).
        cutout: Side of the square that is blanked at random; 0: none.
    """

    name: str = "digits"
    folder: Path | None = None
    download: bool = False
    size: int | None = Field(default=None, ge=4, le=1024)
    split_seed: Seed = 0
    padding: int | None = Field(default=None, ge=0, le=512)
    flip: bool | None = None
    cutout: int = Field(default=0, ge=0, le=1024)


class DataConfig(ImagesConfig):
    """Which images, how they are augmented, and how they are divided between weights and architecture.

    Attributes:
        training: Images that w is learned on: a share up to 1, or a number (half; on ImageNet 10%: PC-DARTS 4.3;
            eDARTS IV-B: 2,500).
        validation: The same for alpha, disjoint from the former (half; on ImageNet 2.5%: PC-DARTS 4.3, EC-DARTS 5.5;
            10%: EnTranNAS, Appendix A.1; eDARTS 2,500).
    """

    training: ImageCount = 0.5
    validation: ImageCount = 0.5


class BudgetConfig(Part):
    """What deployers ask for, and none of the papers has: costs at the target skeleton, by genocc's own counts.

    Attributes:
        penalty_macs: Factor X of the expected MACs over the budget in the architecture loss; 0: none.
        max_macs: The budget of the target net; also what the expected MACs are divided by.
        max_params: The same for its parameters.
        skeleton: The target net's skeleton.
        channels: Its C; None: the skeleton's default.
        layers: Its number of cells; None: the skeleton's default.
    """

    penalty_macs: Rate = 0.0
    max_macs: PositiveInt | None = None
    max_params: PositiveInt | None = None
    skeleton: SkeletonName = "cifar"
    channels: PositiveInt | None = None
    layers: PositiveInt | None = None

    @model_validator(mode="after")
    def _divisor(self) -> Self:
        if self.penalty_macs and not self.max_macs:
            refuse("budget.penalty_macs needs budget.max_macs: the expected MACs are measured against it")
        return self

    def target(self, **sizes: Any) -> NetworkConfig:
        """Returns the target net's configuration; ``sizes`` are classes, input_size and input_channels."""
        return NetworkConfig.make(skeleton=self.skeleton, channels=self.channels, layers=self.layers, **sizes)


def refuse(message: str) -> NoReturn:
    """Ends a validation: the combination has no meaning, for the reason in the message."""
    raise PydanticCustomError("combination", "{message}", {"message": message})
