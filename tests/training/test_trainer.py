"""A step of training against plain transcriptions of what it should be."""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np
import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from genocc.data import Images
from genocc.errors import ConfigError, NetworkError, RunError
from genocc.training.config import TrainConfig
from genocc.training.trainer import Trainer, learning_rate
from genocc.training.training import fit
from tests.nn.strided_gradients import CONVOLUTION_BACKWARD, StridedGradients, is_strided
from tests.training.tiny import GENOTYPE, tiny

CPU = torch.device("cpu")
PLAIN = ("average.decay=none", "regularization.drop_path=0", "compute.precision=float64", "schedule.warmup=0")


def per_epoch(config: TrainConfig) -> list[float]:
    return [learning_rate(config, 7 * epoch + 3, 7) for epoch in range(config.schedule.epochs)]


def test_the_cosine_is_that_of_the_darts_program() -> None:
    """torch's scheduler, stepped once an epoch, as that program does."""
    config = TrainConfig.make("cifar", ["schedule.epochs=30", "optimizer.learning_rate_end=0.001"])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.025)
    scheduler = CosineAnnealingLR(optimizer, 30, eta_min=0.001)
    expected = []
    for _ in range(30):
        expected.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert per_epoch(config) == pytest.approx(expected)


def test_the_line_falls_to_zero_and_rises_in_the_warm_up() -> None:
    config = TrainConfig.make("imagenet")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = LinearLR(optimizer, 1.0, 0.0, total_iters=250)
    for epoch, rate in enumerate(per_epoch(config)):
        warm = min(1.0, (epoch + 1) / 5)
        assert rate == pytest.approx(scheduler.get_last_lr()[0] * warm, abs=1e-9)
        optimizer.step()
        scheduler.step()
    assert per_epoch(config)[-1] == pytest.approx(0.5 / 250)


def test_it_may_change_with_each_step() -> None:
    config = TrainConfig.make("quick", ["schedule.epochs=4", "schedule.warmup=1", "optimizer.learning_rate=1"])
    rates = [learning_rate(config, step, 5) for step in range(20)]
    for step, rate in enumerate(rates):
        cosine = (1 + math.cos(math.pi * step / 20)) / 2
        assert rate == pytest.approx(cosine * min(1, (step + 1) / 5))
    assert len(set(rates)) == 20


def test_the_drop_path_rises_in_proportion_to_the_epochs() -> None:
    trainer = Trainer(GENOTYPE, tiny("schedule.epochs=10"), CPU)
    rates = []
    for epoch in range(10):
        trainer.begin_epoch(epoch)
        rates.append(trainer.net.drop_path_rate)
    assert rates == pytest.approx([0.03 * epoch for epoch in range(10)])


@pytest.mark.parametrize("clip", [0.5, None])
def test_a_step_is_sgd_with_momentum_decay_and_clipping(clip: float | None) -> None:
    """Two steps of a net with an auxiliary head, in float64, against the formulas; the clip is small enough to act."""
    config = tiny(*PLAIN, "network.auxiliary=true", "data.size=32", f"optimizer.clip={clip or 'none'}")
    trainer = Trainer(GENOTYPE, config, CPU)
    net = deepcopy(trainer.net)
    velocity: dict[str, Tensor] = {}
    for step in range(2):
        images, labels = trainer.training[step]
        net.zero_grad(set_to_none=True)
        logits, auxiliary = net(images.double())
        (smoothed(logits, labels, 0.1) + 0.4 * smoothed(auxiliary, labels, 0.1)).backward()
        moved = {name: p for name, p in net.named_parameters() if p.grad is not None}
        norm = math.sqrt(sum(float(p.grad.square().sum()) for p in moved.values()))  # type: ignore[union-attr]
        assert norm > 0.5
        with torch.no_grad():
            for name, p in moved.items():
                assert p.grad is not None
                gradient = p.grad * (clip / (norm + 1e-6) if clip else 1) + 3e-4 * p
                velocity[name] = 0.9 * velocity[name] + gradient if name in velocity else gradient
                p -= 0.025 * velocity[name]
        trainer.step()
    for name, value in net.state_dict().items():
        torch.testing.assert_close(trainer.net.state_dict()[name], value, rtol=1e-9, atol=1e-12)
    seen = trainer.seen()["loss"]
    assert seen == pytest.approx(trainer_loss(trainer, config), rel=1e-9)


def smoothed(logits: Tensor, labels: Tensor, share: float) -> Tensor:
    """Cross entropy with the label's mass spread: 1 - share on the label, share over all classes alike."""
    classes = logits.shape[1]
    target = torch.full_like(logits, share / classes)
    target[torch.arange(len(labels)), labels] += 1 - share
    return -(target * logits.log_softmax(1)).sum(1).mean()


def trainer_loss(trainer: Trainer, config: TrainConfig) -> float:
    """The mean loss of the two steps of another trainer, without its auxiliary head's."""
    other = Trainer(GENOTYPE, config, CPU)
    losses = []
    for step in range(2):
        images, labels = other.training[step]
        with torch.no_grad():
            net = deepcopy(other.net)
            losses.append(float(smoothed(net(images.double())[0], labels, 0.1)))
        other.step()
    return float(np.mean(losses))


def test_the_average_is_the_recurrence_of_weights_and_statistics() -> None:
    trainer = Trainer(GENOTYPE, tiny("compute.precision=float64"), CPU)
    assert trainer.average is not None
    expected: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}
    for _ in range(5):
        trainer.step()
        for name, value in trainer.net.state_dict().items():
            array = value.numpy().copy()
            expected[name] = 0.8 * expected[name] + 0.2 * array if name in expected else array
    for name, value in trainer.average.module.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-10, atol=1e-14)
    assert trainer.result is trainer.average.module


def test_what_no_result_depends_on_is_not_moved() -> None:
    trainer = Trainer(GENOTYPE, tiny(), CPU)
    before = {name: value.clone() for name, value in trainer.net.named_parameters()}
    trainer.step()
    still = {name for name, value in trainer.net.named_parameters() if torch.equal(before[name], value)}
    dead = {name for name in before if ".nodes.2." in name}
    assert dead
    assert still == dead


def test_the_whole_training_part_is_trained_on_and_the_test_part_measured() -> None:
    trainer = Trainer(GENOTYPE, tiny("data.training=1"), CPU)
    assert len(trainer.training.images) == len(trainer.data.train) == 1000
    assert trainer.accuracy(trainer.net).images == len(trainer.data.test) == 1000


def test_a_training_repeats_and_leaves_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first, second = (fit(GENOTYPE, tiny(), device="cpu") for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.history == second.history
    assert 0 <= first.top1 <= 1
    other = fit(GENOTYPE, tiny("seed=1"), device="cpu")
    assert other.history != first.history


def test_it_learns() -> None:
    settings = ("data.training=600", "schedule.batch_size=50", "optimizer.learning_rate=0.2", "average.decay=none")
    assert fit(GENOTYPE, tiny(*settings, "schedule.epochs=4"), device="cpu").top1 > 0.6


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_weights_stay_in_float32(precision: str) -> None:
    trainer = Trainer(GENOTYPE, tiny(f"compute.precision={precision}"), CPU)
    trainer.step()
    assert {value.dtype for value in trainer.net.state_dict().values()} == {torch.float32}


def test_precisions_agree_within_their_own() -> None:
    losses = {}
    for precision in ("float64", "float32", "bfloat16"):
        trainer = Trainer(GENOTYPE, tiny(f"compute.precision={precision}"), CPU)
        for _ in range(3):
            trainer.step()
        losses[precision] = trainer.seen()["loss"]
    assert losses["float32"] == pytest.approx(losses["float64"], rel=1e-5)
    assert losses["bfloat16"] == pytest.approx(losses["float64"], rel=0.05)
    assert len(set(losses.values())) == 3


def test_the_layout_in_memory_changes_nothing_else() -> None:
    seen = []
    for channels_last in ("true", "false"):
        trainer = Trainer(GENOTYPE, tiny(f"compute.channels_last={channels_last}", *PLAIN), CPU)
        trainer.step()
        seen.append(trainer.seen()["loss"])
        stem = trainer.net.get_submodule("stem.conv").weight
        assert isinstance(stem, Tensor)
        assert stem.is_contiguous(memory_format=torch.channels_last) is (channels_last == "true")
    assert seen[0] == pytest.approx(seen[1], rel=1e-9)


def test_half_precision_with_scaling_is_for_cuda() -> None:
    with pytest.raises(ConfigError, match=r"compute.precision=float16 on cpu: .* use compute.precision=bfloat16"):
        Trainer(GENOTYPE, tiny("compute.precision=float16"), CPU)


def test_an_auxiliary_head_on_small_maps_is_refused() -> None:
    with pytest.raises(NetworkError, match="needs a map of at least 8x8, found 2x2"):
        Trainer(GENOTYPE, tiny("network.auxiliary=true"), CPU)


def test_a_fit_that_diverges_is_an_error() -> None:
    with pytest.raises(RunError, match="tiny: losses or weights are no longer finite in epoch"):
        fit(GENOTYPE, tiny("optimizer.learning_rate=1e30", "optimizer.clip=1e30"), device="cpu")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("sync", ["true", "false"])
def test_no_step_asks_for_the_gradient_that_ends_the_process(precision: str, sync: str) -> None:
    """That of a 1x1 weight with a stride: factorized reduces and conv_1x1 have some."""
    settings = (f"compute.precision={precision}", f"distributed.sync_batch_norm={sync}", "network.auxiliary=false")
    trainer = Trainer(GENOTYPE, tiny(*settings), CPU)
    with StridedGradients() as gradients:
        trainer.step()
    assert gradients.strided == []
    assert gradients.seen > 10


def test_no_compiled_step_asks_for_it_either() -> None:
    found = []

    def backward(module: torch.fx.GraphModule, inputs: object) -> object:
        found.extend(node for node in module.graph.nodes if node.target is CONVOLUTION_BACKWARD)
        return make_boxed_func(module.forward)

    backend = aot_autograd(fw_compiler=lambda module, inputs: make_boxed_func(module.forward), bw_compiler=backward)
    trainer = Trainer(GENOTYPE, tiny(), CPU)
    torch.compile(trainer.net, backend=backend)(torch.randn(4, 3, 8, 8)).square().sum().backward()
    assert len(found) > 10
    assert not [node for node in found if is_strided(node.args[2].meta["val"], node.args[4], node.args[10])]


def test_held_out_images_are_of_every_class_and_not_trained_on() -> None:
    trainer = Trainer(GENOTYPE, tiny("data.training=1", "data.validation=0.2"), CPU)
    trained, held = trainer.training.images, trainer.measured.images
    assert (len(trained), len(held)) == (800, 200)
    assert torch.bincount(held.labels).tolist() == [20] * 10
    pixels = [
        part.start(torch.arange(len(part)), 0, False, None)().flatten(1).tolist()
        for part in (trained, held, trainer.data.train)
    ]
    assert sorted(pixels[0] + pixels[1]) == sorted(pixels[2])
    both = Trainer(GENOTYPE, tiny("data.training=40", "data.validation=30"), CPU)
    assert (len(both.training.images), len(both.measured.images)) == (40, 30)
    assert both.accuracy(both.net).images == 30
    other = Trainer(GENOTYPE, tiny("data.training=1", "data.validation=0.2", "data.split_seed=1"), CPU)
    assert torch.bincount(other.measured.images.labels).tolist() == [20] * 10
    assert not torch.equal(first_pixels(other.measured.images), first_pixels(held))


def first_pixels(images: Images) -> torch.Tensor:
    return images.start(torch.arange(len(images)), 0, False, None)()
