"""Checkpoints of the reference programs: real ones, made-up ones, broken ones and hostile ones."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genocc import Cell, Edge, Genotype, NetworkConfig, zoo
from genocc.checkpoints import LAYOUTS
from genocc.errors import FileError, NetworkError, WeightsError
from genocc.formats import DIALECTS
from genocc.nn import checkpoints as reading
from genocc.nn.checkpoints import ImportedWeights, import_weights
from genocc.nn.target_net import TargetNet, load
from tests import sample_data
from tests.cli.commands import error, run
from tests.reference_darts import Listed, ListedCell, ListedEdge, ReferenceNetwork

DARTS = LAYOUTS["darts"]
CIFAR = NetworkConfig(channels=4, layers=4, classes=6)
IMAGENET = NetworkConfig.make(skeleton="imagenet", channels=4, layers=3, classes=6, input_size=(224, 224))
ALL_OPERATIONS = Genotype(
    name="all",
    cells={
        "normal": Cell(
            nodes=(
                (Edge(op="sep_conv_3x3", source=1), Edge(op="skip_connect", source=0)),
                (Edge(op="conv_1x7_7x1", source=2), Edge(op="max_pool_3x3", source=0)),
                (Edge(op="dil_conv_5x5", source=3), Edge(op="sep_conv_7x7", source=0)),
            ),
            concat=(2, 3, 4),
        ),
        "reduction": Cell(
            nodes=(
                (Edge(op="skip_connect", source=0), Edge(op="conv_1x7_7x1", source=1)),
                (Edge(op="skip_connect", source=2), Edge(op="skip_connect", source=1)),
                (Edge(op="sep_conv_5x5", source=1), Edge(op="avg_pool_3x3", source=0)),
                (Edge(op="dil_conv_3x3", source=0), Edge(op="dil_conv_3x3", source=0)),
            ),
            concat=(3, 4, 5),
        ),
    },
)
"""Every operation of the reference programs, some in both kinds of cell; three nodes in one, four in the other."""


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


def reference(
    genotype: Genotype | Listed = ALL_OPERATIONS, config: NetworkConfig = CIFAR, **options: Any
) -> ReferenceNetwork:
    return ReferenceNetwork(
        genotype,
        channels=config.channels,
        layers=config.layers,
        classes=config.classes,
        imagenet=config.skeleton == "imagenet",
        **options,
    )


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


def test_a_state_dict_beside_the_one_that_is_read_is_named(tmp_path: Path) -> None:
    net = reference()
    other = {name: tensor + 1 for name, tensor in net.state_dict().items()}
    torch.save({"model_ema": other, "model": net.state_dict(), "optimizer": {"state": {}}}, tmp_path / "c.pt")
    imported = import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)
    check_logits(net, imported)
    assert imported.notes[-1] == "read from its 'model'; 'model_ema' left out"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_values_that_are_no_float32_are_refused(value: float, tmp_path: Path) -> None:
    state = reference().state_dict()
    state["stem.1.bias"] = state["stem.1.bias"].double()
    state["stem.1.bias"][0] = value
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(
        WeightsError, match=r"tensor 'stem\.1\.bias' has values that are NaN, infinite or beyond float32"
    ):
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


def without(name: str) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda state: state.pop(name)


def with_tensor(name: str, tensor: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda state: state.update({name: tensor})


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants:UserWarning")  # PyTorch says it once
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("cells.1._ops.0.conv_2.weight"), r"'cells.1._ops.0.conv_2.weight' \(4, 8, 1, 1\) is missing"),
        (without("stem.1.running_var"), r"'stem.1.running_var' \(12,\) is missing"),
        (
            with_tensor("cells.0._ops.6.op.1.weight", torch.ones(4, 1, 3, 3)),
            r"'cells.0._ops.6.op.1.weight' has no place",
        ),
        (with_tensor("fc.weight", torch.ones(2)), r"'fc.weight' has no place"),
        (
            with_tensor("cells.0._ops.0.op.1.weight", torch.ones(4, 1, 5, 5)),
            r"'cells.0._ops.0.op.1.weight' has shape \(4, 1, 5, 5\); expected \(4, 1, 3, 3\)",
        ),
        (
            with_tensor("stem.1.weight", torch.ones(12, dtype=torch.int64)),
            "'stem.1.weight' is of torch.int64; expected",
        ),
        (with_tensor("stem.1.weight", torch.ones(12).to_sparse()), "'stem.1.weight' is sparse, .* expected a plain"),
        (with_tensor("stem.1.weight", torch.ones(12, device="meta")), "'stem.1.weight' is .* without values; expected"),
        (
            with_tensor("classifier.weight", torch.ones(9, 48)),
            r"'classifier.weight' has shape \(9, 48\).*; the checkpoint's tensors ask for --classes 9",
        ),
        (with_tensor("cells.7.preprocess1.op.1.weight", torch.ones(1)), "'cells.7.* ask for --layers 8"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    change: Callable[[dict[str, torch.Tensor]], object], message: str, tmp_path: Path
) -> None:
    state = dict(reference().state_dict())
    change(state)
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=f"c.pt: tensor {message}"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


def test_a_wrong_genotype_names_the_tensor(darts_v2: Genotype, tmp_path: Path) -> None:
    torch.save(reference().state_dict(), tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=r"tensor 'cells.0._ops.* is it the right genotype, with its edges in"):
        import_weights(tmp_path / "c.pt", darts_v2, CIFAR, DARTS)
    with pytest.raises(WeightsError, match=r"'stem0.0.weight' .* the checkpoint's tensors ask for --skeleton cifar"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, IMAGENET, DARTS)


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_no_code_is_run(form: str, tmp_path: Path) -> None:
    hostile, path = Hostile(tmp_path / "proof"), tmp_path / "c.pt"
    if form == "pickle":
        path.write_bytes(pickle.dumps({"state_dict": hostile}, protocol=2))
    else:
        state = reference().state_dict()
        torch.save({"state_dict": state, "extra": hostile}, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(WeightsError, match=r"refers to the Python object '\w+.system', which genocc does not run"):
        import_weights(path, ALL_OPERATIONS, CIFAR, DARTS)
    assert not (tmp_path / "proof").exists()
    torch.load(path, weights_only=False) if form != "pickle" else pickle.loads(path.read_bytes())
    assert (tmp_path / "proof").exists()  # it would have been


def written(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a PyTorch checkpoint, or a damaged one"),
        (b"hello", "not a PyTorch checkpoint, or a damaged one"),
        (written({"a": torch.ones(1000)})[:-300], "damaged"),
        (archive(a=b"b"), "not a PyTorch checkpoint, or a damaged one"),
        (b"PK\x03\x04" + b"\0" * 100, "not a PyTorch checkpoint, or a damaged one"),
        (written(torch.nn.Linear(2, 2)), "refers to the Python object 'torch.nn.modules.linear.Linear'"),
        (written([torch.ones(1)]), r"no state dict in it \(found list\)"),
        (written({}), r"no state dict in it \(found an empty dict\)"),
        (written({"epoch": 3}), r"no state dict in it \(found keys 'epoch'\); expected .* state_dict"),
        (written({"state_dict": {"a": 3}}), "no state dict in it"),
        (written({3: torch.ones(1)}), "no state dict in it"),
    ],
)
def test_what_is_no_checkpoint_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=f"c.pt: .*{message}"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


def test_sizes_are_limited_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 100_000)
    path = tmp_path / "c.pt"
    path.write_bytes(archive(zeros=b"\0" * 200_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileError, match="unpacks to 200,000 bytes"):
        import_weights(path, ALL_OPERATIONS, CIFAR, DARTS)
    path.write_bytes(b"\0" * 200_000)
    with pytest.raises(FileError, match="larger than the limit"):
        import_weights(path, ALL_OPERATIONS, CIFAR, DARTS)
    with pytest.raises(FileError, match="no such file"):
        import_weights(tmp_path / "nothing.pt", ALL_OPERATIONS, CIFAR, DARTS)


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
