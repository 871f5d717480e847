"""The two halves of the data."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest
import torch

from genocc.data import DataRequest, load
from genocc.errors import DataError
from genocc.searchers.bilevel import Bilevel
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape
from genocc.searchers.parts.data import DataConfig, Halves, load_halves
from genocc.searchers.supernet.net import SuperNet


def test_data_never_limit_a_search() -> None:
    """Making the two augmented batches of a step costs less than 5% of the step, where steps are fastest."""
    config = SearchConfig.make("entrannas-dst", "quick", ["data.cutout=4"])
    halves = load_halves(config.data, config.schedule.batch_size, config.seed, torch.device("cpu"))
    net = SuperNet(config, DataShape(10, 3, (16, 16)))
    with torch.no_grad():
        net.relaxation.threshold["normal"] += 5  # all but the strongest are dead: steps do not get faster than this
        net.relaxation.threshold["reduction"] += 5
    bilevel = Bilevel(net, config, halves.training, halves.validation)
    bilevel.begin_epoch(11)

    def fastest(work: Callable[[int], object]) -> float:
        seconds = []
        for number in range(5):
            begun = time.process_time()
            work(number)
            seconds.append(time.process_time() - begun)
        return min(seconds)

    def step(number: int) -> None:
        bilevel.architecture_step()
        bilevel.weight_step()

    data = fastest(lambda number: (halves.training[number], halves.validation[number]))
    assert data < 0.05 * fastest(step)


DIGITS = DataConfig(size=8, training=0.25, validation=0.125)


def pixels(halves: Halves) -> tuple[list[bytes], list[bytes]]:
    """The images of the two halves, as they are in the data set."""
    parts = (halves.training.images, halves.validation.images)
    drawn = [part.start(torch.arange(len(part)), 0, False, None)().flatten(1).numpy() for part in parts]
    training, validation = ([image.tobytes() for image in part] for part in drawn)
    return training, validation


def halves_of(wanted: DataConfig, *, batch_size: int = 16, seed: int = 0) -> Halves:
    return load_halves(wanted, batch_size, seed, torch.device("cpu"))


def test_halves_are_disjoint_parts_of_the_training_images() -> None:
    training, validation = pixels(halves_of(DIGITS))
    whole = load(DataRequest("digits", size=8)).train
    every = [image.tobytes() for image in whole.start(torch.arange(len(whole)), 0, False, None)().flatten(1).numpy()]
    assert (len(training), len(validation)) == (round(0.25 * len(every)), round(0.125 * len(every)))
    remaining = Counter(every)
    remaining.subtract(training + validation)
    assert min(remaining.values()) >= 0, "an image is used at most as often as the training part has it"


def test_the_division_follows_its_own_seed_and_the_order_that_of_the_search() -> None:
    first, same, other = (
        halves_of(DIGITS),
        halves_of(DIGITS, seed=1),
        halves_of(DIGITS.model_copy(update={"split_seed": 1})),
    )
    assert pixels(first) == pixels(same) != pixels(other)
    assert not torch.equal(first.training[0][1], same.training[0][1]), "other images come first"


def test_batches_repeat_with_the_seed_and_differ_between_the_halves() -> None:
    wanted = DIGITS.model_copy(update={"training": 64, "validation": 64, "padding": 0})
    first, again = halves_of(wanted, seed=3), halves_of(wanted, seed=3)
    for number in (0, 5):
        assert all(torch.equal(a, b) for a, b in zip(first.training[number], again.training[number], strict=True))
    assert not torch.equal(first.training[0][1], first.validation[0][1])
    assert (len(first.training), len(first.validation)) == (4, 4)


def test_more_images_than_there_are_is_one_clear_error() -> None:
    with pytest.raises(DataError, match=r"1,400 \+ 100 images are asked for; the data set has 1,438"):
        halves_of(DataConfig(size=8, training=1400, validation=100))
