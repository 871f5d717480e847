"""An experiment as a user writes one, small enough for tests."""

from __future__ import annotations

from genocc.experiments.model import Experiment
from genocc.experiments.sources import Source

OWN = """
title = "My comparison"
source = "My paper, Table 1"
claim = "DARTS beats chance."
heading = "method"
notes = ["Small."]
seeds = 2

[search]
method = "darts"

[[column]]
name = "super-net"
value = "search.validation_accuracy"
unit = "%"

[[column]]
name = "drop"
value = "search.validation_accuracy"
minus = "search.child_accuracy"
unit = "%"

[[column]]
name = "error"
value = "train.last"
unit = "error"

[[column]]
name = "skips"
value = "search.skips.normal"
unit = "count"
over = "sum"

[[column]]
name = "tau"
kendall = ["search.entropy.normal", "train.last"]

[[row]]
name = "DARTS"
paper = { error = [3.0, 0.14], super-net = 88.3 }

[[row]]
name = "epochs"
seeds = [7]
train.at = 2

[[row]]
name = "random"
search.method = "random"

[[row]]
name = "published"
genotype = "zoo:darts-v2"
seeds = 1

[figure]
x = "super-net"
y = "error"

[scale.tiny]

[scale.tiny.search]
preset = "quick"
data = "fake"
epochs = 3

[scale.tiny.search.set]
data = { size = 8, training = 20, validation = 20 }
schedule.batch_size = 20
space = "ss1"
topology.nodes = 2

[scale.tiny.search.set.supernet]
channels = 4
layers = 3

[scale.tiny.train]
preset = "quick"
data = "fake"
epochs = 1
set = { data.size = 8, data.training = 20, network.channels = 4, network.layers = 3 }

[scale.large]
seeds = 5
search = { preset = "cifar", data = "cifar10", epochs = 50 }
train = { preset = "cifar", data = "cifar10" }
"""
JOBS = 2 * 2 + 3 + 2 * 2 + 1
"""Searches and trainings at the scale tiny."""

ONE = (
    ("seeds = 2", "seeds = 1"),
    ('[[row]]\nname = "epochs"\nseeds = [7]\ntrain.at = 2\n', ""),
    ('[[row]]\nname = "random"\nsearch.method = "random"\n', ""),
)
"""Changes that leave a search, the training of its result, and that of a published cell."""


def own(*changes: tuple[str, str]) -> Source:
    """Returns the experiment, with texts replaced; each has to be there."""
    text = OWN
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Source("my.toml", text, Experiment.parse(text, "my.toml"))
