"""Checkpoints of the reference programs: real ones, and made-up ones with everything that they write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from genocc import Genotype, NetworkConfig, zoo
from genocc.errors import NetworkError, WeightsError
from genocc.formats import DIALECTS
from genocc.nn.checkpoints import ImportedWeights, import_weights
from genocc.nn.target_net import TargetNet, load
from tests import sample_data
from tests.cli.commands import error, run
from tests.nn.checkpoint_nets import ALL_OPERATIONS, CIFAR, DARTS, IMAGENET, reference
from tests.reference_darts import Listed, ListedCell, ListedEdge, ReferenceNetwork


@pytest.mark.parametrize(
    ("name", "genotype", "config"),
    [
        ("darts_v2_cifar_c8_l8", "darts-v2", NetworkConfig(channels=8, layers=8)),
        (
            "pc_darts_image_imagenet_c8_l5",
            "pc-darts-image",
            NetworkConfig.make(skeleton="imagenet", channels=8, layers=5, classes=20),
        ),
    ],
)
def test_real_checkpoints_give_the_logits_of_the_reference(name: str, genotype: str, config: NetworkConfig) -> None:
    checkpoint = sample_data.path(f"checkpoints/{name}.pt")
    with np.load(sample_data.path(f"checkpoints/{name}.npz")) as arrays:
        image, logits = arrays["image"], arrays["logits"]
    imported = import_weights(checkpoint, zoo.load(genotype), config, DARTS)
    assert imported.config.auxiliary == (genotype == "darts-v2")
    net = TargetNet(zoo.load(genotype), imported.config, weights=imported.arrays).eval()
    with torch.no_grad():
        found = net(torch.from_numpy(image)).numpy()
    assert np.abs(found - logits).max() < 1e-5 * np.abs(logits).max()


def check_logits(net: ReferenceNetwork, imported: ImportedWeights, genotype: Genotype = ALL_OPERATIONS) -> None:
    size = 64 if imported.config.skeleton == "imagenet" else 32
    image = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    ours = TargetNet(genotype, imported.config, weights=imported.arrays).eval()
    with torch.no_grad():
        expected = net(image)
        torch.testing.assert_close(ours(image), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize("config", [CIFAR, IMAGENET], ids=["cifar", "imagenet"])
@pytest.mark.parametrize("auxiliary", [None, False, True], ids=["no head", "head without BN", "head with BN"])
def test_every_operation_of_the_programs_is_imported(
    config: NetworkConfig, auxiliary: bool | None, tmp_path: Path
) -> None:
    net = reference(config=config, auxiliary=auxiliary is not None, auxiliary_bn=bool(auxiliary))
    torch.save(net.state_dict(), tmp_path / "c.pt")
    imported = import_weights(tmp_path / "c.pt", ALL_OPERATIONS, config, DARTS)
    check_logits(net, imported)
    assert imported.config.auxiliary == (auxiliary is not None)
    if auxiliary is not None:
        assert imported.config.auxiliary_bn == auxiliary
        head = {name.removeprefix("auxiliary."): imported.arrays[name] for name in imported.arrays if "auxil" in name}
        theirs = net.auxiliary_head.state_dict()
        np.testing.assert_array_equal(head["conv2.weight"], theirs["features.5.weight"])
        np.testing.assert_array_equal(head["linear.bias"], theirs["classifier.bias"])
        assert len(head) == sum("num_batches_tracked" not in name for name in theirs)
        assert any("with BN" in note if auxiliary else "without BN" in note for note in imported.notes)


NONES = {
    "normal": [
        [("none", 0), ("sep_conv_3x3", 1)],
        [("none", 0), ("none", 1)],
        [("dil_conv_5x5", 2), ("none", 3)],
        [("sep_conv_3x3", 3), ("skip_connect", 3)],
    ],
    "reduce": [
        [("none", 1), ("skip_connect", 0)],
        [("none", 0), ("none", 2)],
        [("none", 0), ("conv_7x1_1x7", 1)],
        [("max_pool_3x3", 3), ("none", 4)],
    ],
}
EVERY_EDGE = {
    "normal": [
        [("none", 0), ("sep_conv_3x3", 1)],
        [("none", 0), ("none", 1), ("none", 2)],
        [("none", 1), ("none", 0), ("dil_conv_3x3", 2), ("none", 3)],
    ],
    "reduce": [[("none", 0), ("none", 1)], [("none", 0), ("sep_conv_5x5", 1), ("none", 2)]],
}
"""Texts with `none`: two edges per node, and a list per node."""


@pytest.mark.parametrize("cells", [NONES, EVERY_EDGE], ids=["two per node", "every edge"])
@pytest.mark.parametrize("config", [CIFAR, IMAGENET], ids=["cifar", "imagenet"])
def test_none_is_numbered_too_and_its_zeros_widen_the_next_cell(
    cells: dict[str, list[list[tuple[str, int]]]], config: NetworkConfig, tmp_path: Path
) -> None:
    concats = {kind: tuple(range(2, 2 + len(nodes))) for kind, nodes in cells.items()}
    fields = ", ".join(f"{kind}={nodes}, {kind}_concat={list(concats[kind])}" for kind, nodes in cells.items())
    genotype = DIALECTS["darts"].read(f"Genotype({fields})").genotype
    theirs = {
        kind: ListedCell(
            tuple(tuple(ListedEdge(op.replace("7x1_1x7", "1x7_7x1"), s) for op, s in node) for node in nodes),
            concats[kind],
        )
        for kind, nodes in cells.items()
    }
    net = reference(Listed({"normal": theirs["normal"], "reduction": theirs["reduce"]}), config)
    torch.save(net.state_dict(), tmp_path / "c.pt")
    check_logits(net, import_weights(tmp_path / "c.pt", genotype, config, DARTS), genotype)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_a_profiler_left_behind_is_ignored_with_a_note(prefix: str, tmp_path: Path) -> None:
    state = {f"{prefix}{name}": tensor for name, tensor in reference().state_dict().items()}
    for name in ("total_ops", "total_params", f"{prefix}cells.0.total_ops", f"{prefix}stem.0.total_params"):
        state[name] = torch.zeros(1, dtype=torch.float64)
    torch.save(state, tmp_path / "c.pt")
    imported = import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)
    assert imported.notes[-1] == "4 tensors of a profiler (total_ops, total_params) ignored"
    assert not any("total" in name for name in imported.arrays)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.module.", "model.", "ema_model.module.", "_fsdp_wrapped_module."]
)
def test_the_module_that_the_net_was_part_of_does_not_matter(prefix: str, tmp_path: Path) -> None:
    net = reference()
    state = {f"{prefix}{name}": tensor for name, tensor in net.state_dict().items()}
    torch.save(state, tmp_path / "c.pt")
    imported = import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)
    check_logits(net, imported)
    assert imported.notes[-1] == f"all names begin with '{prefix}': removed"


def test_an_average_of_pytorch_is_read(tmp_path: Path) -> None:
    net = reference()
    torch.save(torch.optim.swa_utils.AveragedModel(net).state_dict(), tmp_path / "c.pt")
    check_logits(net, import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS))


def test_two_nets_in_one_state_dict_are_named(tmp_path: Path) -> None:
    state = reference().state_dict()
    torch.save({f"{part}.{name}": state[name] for part in ("online", "ema") for name in state}, tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=r"found it below 'online\.' and below 'ema\.': store the state dict"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


@pytest.mark.parametrize("inner", [None, "state_dict"])
@pytest.mark.parametrize("key", ["ema", "state_dict_ema", "weights", "model"])
def test_the_only_state_dict_is_read_under_any_key(key: str, inner: str | None, tmp_path: Path) -> None:
    net = reference()
    stored: object = {inner: net.state_dict(), "decay": 0.999} if inner else net.state_dict()
    torch.save({"epoch": 3, key: stored, "optimizer": {"state": {}, "param_groups": []}}, tmp_path / "net.pt")
    imported = import_weights(tmp_path / "net.pt", ALL_OPERATIONS, CIFAR, DARTS)
    check_logits(net, imported)
    assert [remark for remark in imported.notes if "read from" in remark] == [f"read from its '{key}'"] * (
        key != "model"
    )


def test_an_average_with_its_decay_beside_the_net_is_named(tmp_path: Path) -> None:
    net, average = reference(), reference()
    torch.save({"model": net.state_dict(), "ema": {"model": average.state_dict(), "decay": 0.999}}, tmp_path / "net.pt")
    assert (
        "read from its 'model'; 'ema' left out"
        in import_weights(tmp_path / "net.pt", ALL_OPERATIONS, CIFAR, DARTS).notes
    )


def test_a_state_dict_beside_the_one_that_is_read_is_named(tmp_path: Path) -> None:
    net = reference()
    other = {name: tensor + 1 for name, tensor in net.state_dict().items()}
    torch.save({"model_ema": other, "model": net.state_dict(), "optimizer": {"state": {}}}, tmp_path / "c.pt")
    imported = import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)
    check_logits(net, imported)
    assert imported.notes[-1] == "read from its 'model'; 'model_ema' left out"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "values that are NaN or infinite"),
        (float("inf"), "values that are NaN or infinite"),
        (1e300, r"values beyond float32, up to 1e\+300"),
    ],
)
def test_values_that_are_no_float32_are_refused(value: float, message: str, tmp_path: Path) -> None:
    state = reference().state_dict()
    state["stem.1.bias"] = state["stem.1.bias"].double()
    state["stem.1.bias"][0] = value
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=rf"tensor 'stem\.1\.bias' has {message}"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


def test_variances_below_zero_are_refused(tmp_path: Path) -> None:
    state = reference().state_dict()
    state["stem.1.running_var"][2] = -0.5
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=r"tensor 'stem\.1\.running_var' has values below 0, down to -0.5"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


def test_names_of_tensors_do_not_break_the_line(tmp_path: Path) -> None:
    torch.save({**reference().state_dict(), "a\nb" * 200: torch.zeros(1)}, tmp_path / "c.pt")
    with pytest.raises(WeightsError) as caught:
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("config", [CIFAR, IMAGENET], ids=["cifar", "imagenet"])
def test_a_stem_of_other_input_channels_names_the_option(config: NetworkConfig, tmp_path: Path) -> None:
    state = reference(config=config).state_dict()
    first = "stem.0.weight" if config is CIFAR else "stem0.0.weight"
    state[first] = state[first][:, :1]
    torch.save(state, tmp_path / "c.pt")
    message = rf"'{first}' has shape .*; the checkpoint's tensors ask for --input-channels 1$"
    with pytest.raises(WeightsError, match=message):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, config, DARTS)


WRITINGS: dict[str, Callable[[Mapping[str, torch.Tensor], Path], None]] = {
    "data-parallel": lambda state, path: torch.save({f"module.{name}": state[name] for name in state}, path),
    "legacy": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "with optimizer": lambda state, path: torch.save(
        {"epoch": 600, "state_dict": state, "best_acc_top1": 75.8, "optimizer": {"state": {0: {"m": torch.ones(2)}}}},
        path,
    ),
    "data-parallel, with optimizer, legacy": lambda state, path: torch.save(
        {"state_dict": {f"module.{name}": state[name] for name in state}, "optimizer": {"lr": 0.1}},
        path,
        _use_new_zipfile_serialization=False,
    ),
    "parameters": lambda state, path: torch.save(
        {name: torch.nn.Parameter(t, False) for name, t in state.items()}, path
    ),
    "half precision": lambda state, path: torch.save({name: t.half() for name, t in state.items()}, path),
    "transposed in memory": lambda state, path: torch.save(
        {name: t.transpose(0, 1).contiguous().transpose(0, 1) if t.dim() > 1 else t for name, t in state.items()}, path
    ),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_every_way_of_writing_is_read(writing: str, tmp_path: Path) -> None:
    state = reference().state_dict()
    torch.save(state, tmp_path / "plain.pt")
    WRITINGS[writing](state, tmp_path / "other.pt")
    plain, other = (
        import_weights(tmp_path / f"{name}.pt", ALL_OPERATIONS, CIFAR, DARTS) for name in ("plain", "other")
    )
    assert plain.arrays.keys() == other.arrays.keys()
    for name, array in plain.arrays.items():
        assert other.arrays[name].dtype == np.float32
        assert other.arrays[name].flags.c_contiguous
        np.testing.assert_allclose(
            other.arrays[name], array, rtol=1e-3 if writing == "half precision" else 0, atol=1e-6
        )


def test_a_head_can_be_dropped(tmp_path: Path) -> None:
    torch.save(reference().state_dict(), tmp_path / "c.pt")
    imported = import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS, drop_auxiliary=True)
    assert not imported.config.auxiliary
    assert not any(name.startswith("auxiliary.") for name in imported.arrays)
    assert imported.notes == ("auxiliary head dropped",)


def test_a_head_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    torch.save(reference(auxiliary=False).state_dict(), tmp_path / "c.pt")
    with pytest.raises(WeightsError, match="has no auxiliary head; leave --auxiliary out"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR.model_copy(update={"auxiliary": True}), DARTS)
    torch.save(reference().state_dict(), tmp_path / "c.pt")
    small = CIFAR.model_copy(update={"input_size": (16, 16)})
    with pytest.raises(NetworkError, match="needs a map of at least"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, small, DARTS)


def test_the_command_writes_a_file_that_makes_the_net(tmp_path: Path) -> None:
    net = reference()
    torch.save(net.state_dict(), tmp_path / "c.pt")
    ALL_OPERATIONS.save(tmp_path / "g.json")
    output = tmp_path / "w.safetensors"
    options = ["--genotype", str(tmp_path / "g.json"), "--channels", "4", "--layers", "4", "--classes", "6"]
    result = run("import-weights", str(tmp_path / "c.pt"), *options, "-o", str(output))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "auxiliary head found, with BN after its 2x2 convolution" in result.stderr
    loaded = load(output)
    assert loaded.genotype == ALL_OPERATIONS
    assert loaded.config == CIFAR.model_copy(update={"auxiliary": True})
    image = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(loaded.eval()(image), net(image), rtol=0, atol=1e-4)


def test_the_command_refuses_in_one_line_and_writes_nothing(tmp_path: Path) -> None:
    torch.save(reference().state_dict(), tmp_path / "c.pt")
    output = tmp_path / "w.safetensors"
    options = ["--genotype", "zoo:darts-v2", "-o", str(output)]
    assert "--channels 4 --layers 4" in error("import-weights", str(tmp_path / "c.pt"), *options)
    assert "unknown layout 'x'; expected one of darts" in error(
        "import-weights", str(tmp_path / "c.pt"), *options, "--layout", "x"
    )
    assert not output.exists()
