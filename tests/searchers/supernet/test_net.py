"""The super-net of every method against the plain transcription of its equations, in float64."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from copy import deepcopy

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genocc.errors import NetworkError
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape, Group, View
from genocc.searchers.supernet.net import SuperNet
from tests.nn.strided_gradients import StridedGradients
from tests.reference_supernets import STANDARD, ReferenceSuperNet, load, pairs_of_parameters
from tests.searchers.computations import record_computations

KINDS = ("normal", "reduction")


def make(method: str, *overrides: str, size: int = 8) -> SuperNet:
    """Four cells of 8 channels, two of them reductions, with strongly unequal alphas, in float64."""
    own = ("topology.predecessors=[[0,1],[0,2],[1,3],[2,4]]",) if method == "edarts" else ()
    settings = ("supernet.channels=8", "supernet.layers=4", "relaxation.alpha_noise=0.7", *own, *overrides)
    config = SearchConfig.make(method, "quick", settings)
    return SuperNet(config, DataShape(10, 3, (size, size))).double()


def batch(count: int = 6, size: int = 8, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(count, 3, size, size, dtype=dtype, generator=generator)
    return images, torch.randint(10, (count,), generator=generator)


def architecture_step(net: SuperNet) -> None:
    images, labels = batch(dtype=net.relaxation.alpha["normal"].dtype)
    with net.training_only("architecture"):
        sum(net.penalties().values(), start=cross_entropy(net(images), labels)).backward()


def weight_step(net: SuperNet) -> None:
    images, labels = batch(dtype=net.relaxation.alpha["normal"].dtype)
    with net.training_only("weights"):
        cross_entropy(net(images), labels).backward()


@pytest.mark.parametrize(("method", "k"), [("darts", 1), ("pc-darts", 4)])
def test_forward_and_one_whole_step_equal_the_transcription(method: str, k: int) -> None:
    net = make(method, "space=extended")
    reference = load(ReferenceSuperNet(8, 4, 10, net.spaces["normal"].operations, k).double(), net)
    images, labels = batch()
    torch.testing.assert_close(net(images), reference(images), rtol=0, atol=1e-10)

    pairs = pairs_of_parameters(reference, net)
    groups = (net.architecture_parameters(), net.weight_parameters()), (reference.architecture(), reference.weights())
    for model, (architecture, weights) in zip((net, reference), groups, strict=True):
        adam = torch.optim.Adam(architecture, lr=0.1, betas=(0.5, 0.999), weight_decay=1e-3)
        sgd = torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=3e-4)
        for optimizer in (adam, sgd):
            model.zero_grad(set_to_none=True)
            cross_entropy(model(images), labels).backward()
            optimizer.step()
    for theirs, ours in pairs:
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-7, atol=1e-10)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
    net.eval()
    reference.eval()
    torch.testing.assert_close(net(images), reference(images), rtol=0, atol=1e-7)


@pytest.mark.parametrize(("method", "k"), [("darts", 1), ("pc-darts", 4)])
def test_losses_and_gradients_of_both_half_steps_equal_the_transcription(method: str, k: int) -> None:
    net = make(method)
    reference = load(ReferenceSuperNet(8, 4, 10, STANDARD, k).double(), net)
    images, labels = batch()
    expected = cross_entropy(reference(images), labels)
    expected.backward()
    groups: tuple[Group, Group] = ("architecture", "weights")
    for group in groups:
        with net.training_only(group):
            loss = cross_entropy(net(images), labels)
            torch.testing.assert_close(loss, expected, rtol=0, atol=1e-10)
            loss.backward()  # the other group's gradients stay as they are
    for theirs, ours in pairs_of_parameters(reference, net):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-10)


def test_a_step_saves_less_than_the_transcription_and_frees_it() -> None:
    """Bytes kept for the backward pass, each storage once; docs/benchmarks.md has them at full size."""
    images, labels = batch(16, 16)
    reference = ReferenceSuperNet(8, 4).double()
    limit, freed = saved(lambda: cross_entropy(reference(images), labels))
    assert freed
    for method, share in (("darts", 0.5), ("entrannas", 0.1)):
        net = make(method)
        groups: tuple[Group, Group] = ("architecture", "weights")
        for group in groups:
            with net.training_only(group):
                found, freed = saved(lambda net=net: cross_entropy(net(images), labels))
            assert found <= share * limit, (method, group, found / limit)
            assert freed, (method, group)


def saved(loss: Callable[[], Tensor]) -> tuple[int, bool]:
    """Returns how many bytes a forward pass saves, and whether none of them outlives the backward pass."""

    class Held:
        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor.detach()

    sizes: dict[int, int] = {}
    held: list[weakref.ref[Held]] = []

    def pack(tensor: Tensor) -> Held:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        kept = Held(tensor)
        held.append(weakref.ref(kept))
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept.tensor):
        loss().backward()
    return sum(sizes.values()), not any(reference() for reference in held)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("bottleneck", ["none", 4])
def test_engine_and_transit_cells_equal_the_transcription(share: bool, bottleneck: str | int) -> None:
    """EnTranNAS Eq. 6: a transit cell is the derived sub-graph, edge by edge, pools followed by their BN."""
    net = make("entrannas", f"connection.share={str(share).lower()}", f"connection.bottleneck={bottleneck}")
    ratio = 1 if bottleneck == "none" else 4
    reference = load(ReferenceSuperNet(8, 4, 10, STANDARD, bottleneck=ratio).double(), net)
    net.relaxation.config = net.relaxation.config.model_copy(update={"temperature": 1.0})
    images, _ = batch()
    keep = [net.select()[kind] for kind in KINDS]
    assert [int(mask.sum()) for mask in keep] == [8, 8]
    mixed = [number for number, view in enumerate(net.views) if view is View.MIXED]
    assert mixed == [0, 1]
    torch.testing.assert_close(net(images), reference(images, keep, mixed), rtol=0, atol=1e-10)
    child = net(images, net.route(View.DERIVED))
    torch.testing.assert_close(child, reference(images, keep), rtol=0, atol=1e-10)


def test_a_derived_view_of_partial_channels_equals_the_transcription() -> None:
    """A dead edge adds nothing, its bypass included."""
    net = make("pc-darts")
    reference = load(ReferenceSuperNet(8, 4, 10, STANDARD, k=4).double(), net)
    images, _ = batch()
    keep = [net.select()[kind] for kind in KINDS]
    torch.testing.assert_close(net(images, net.route(View.DERIVED)), reference(images, keep), rtol=0, atol=1e-10)


def test_derived_cells_may_keep_their_coefficients() -> None:
    """IST's auxiliary model with alpha*: frozen numbers, whatever the alphas do meanwhile."""
    net = make("ec-darts")
    images, _ = batch()
    masks, numbers = net.select(), net.frozen()
    net.eval()
    route = net.route(View.DERIVED, masks=masks, coefficients=numbers, derived="weights")
    before = net(images, route)
    assert not torch.allclose(before, net(images, net.route(View.DERIVED, masks=masks)))
    with torch.no_grad():
        net.relaxation.alpha["normal"].normal_()
    assert torch.equal(net(images, route), before)


@pytest.mark.parametrize("method", ["darts", "pc-darts", "edarts", "entrannas"])
def test_gradients_reach_every_alpha_and_beta(method: str) -> None:
    net = make(method)
    architecture_step(net)
    for name, parameter in net.relaxation.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).all(), name
    assert all(parameter.grad is None for parameter in net.weight_parameters())


def test_gradients_of_cen_reach_every_alpha_but_none() -> None:
    net = make("ec-darts")
    architecture_step(net)
    for kind in KINDS:
        gradient = net.relaxation.alpha[kind].grad
        assert gradient is not None
        none = net.spaces[kind].operations.index("none")
        assert (gradient[:, none] == 0).all()
        assert (gradient[:, [k for k in range(8) if k != none]] != 0).all()


def test_gradients_of_dst_are_zero_for_dead_edges_and_single_survivors() -> None:
    net = make("entrannas-dst", "relaxation.temperature=1")
    images, labels = batch()
    found = net.frozen()["normal"]
    survivors, space = (found.op > 0).sum(1), net.spaces["normal"]
    holds_the_maximum = (found.importance == 1).any(1)
    untouched = (survivors <= 1) & ~holds_the_maximum
    assert (survivors == 0).any()
    assert ((survivors == 1) & ~holds_the_maximum).any()
    with net.training_only("architecture"):
        cross_entropy(net(images), labels).backward()
    gradient = net.relaxation.alpha["normal"].grad
    assert gradient is not None
    assert (gradient[untouched] == 0).all()
    several = (survivors > 1).nonzero().flatten().tolist()
    assert all((gradient[edge] != 0).any() for edge in several)
    assert len(space.edges) == 14


def test_a_dead_feature_costs_no_computation_and_its_weights_stay() -> None:
    net = make("entrannas-dst", "relaxation.temperature=1")
    calls: list[tuple[int, str]] = []
    for number, cell in enumerate(net.cells):
        for key, module in cell.features.items():
            record_computations(module, lambda place=(number, key): calls.append(place))
    weight_step(net)
    live = set()
    for number, kind in enumerate(net.kinds):
        for edge, k in net.select()[kind].nonzero().tolist():
            live.add((number, f"{net.spaces[kind].edges[edge][0]}_{net.spaces[kind].operations[k]}"))
    assert sorted(calls) == sorted(live), "each live feature once, no other"
    every = {(number, key) for number, cell in enumerate(net.cells) for key in cell.features}
    assert len(every - live) > 20
    for number, key in every:
        for parameter in net.cells[number].features[key].parameters():
            assert (parameter.grad is not None) == ((number, key) in live)


@pytest.mark.parametrize("group", ["weights", "architecture"])
def test_a_half_step_touches_its_own_parameters_only(group: str) -> None:
    net = make("darts")
    (weight_step if group == "weights" else architecture_step)(net)
    w, a = net.weight_parameters(), net.architecture_parameters()
    assert len(w) + len(a) == len(list(net.parameters()))
    used, unused = (w, a) if group == "weights" else (a, w)
    assert all(p.grad is None and p.requires_grad for p in unused)
    assert all(p.grad is not None for p in used)


def test_weight_state_goes_back_without_the_alphas() -> None:
    net = make("ec-darts")
    images, _ = batch()
    state, alphas = net.weight_state(), [a.detach().clone() for a in net.architecture_parameters()]
    net.eval()
    before = net(images)
    net.train()
    weight_step(net)
    with torch.no_grad():
        for parameter in net.weight_parameters():
            parameter.sub_(0.1)
    assert not any(name.startswith("relaxation") for name in state)
    net.load_weight_state(state)
    net.eval()
    assert torch.equal(net(images), before), "weights and BN statistics are back"
    assert all(torch.equal(a, b) for a, b in zip(alphas, net.architecture_parameters(), strict=True))


def test_parameters_follow_the_seed() -> None:
    first, same, other = (make("entrannas", f"seed={seed}").state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["cells.0.pre0.conv.weight"], other["cells.0.pre0.conv.weight"])
    assert not torch.equal(first["relaxation.alpha.normal"], other["relaxation.alpha.normal"])


def test_a_copy_is_independent() -> None:
    net = make("entrannas-dst")
    copy = deepcopy(net)
    weight_step(copy)
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(copy(batch()[0]), net(batch()[0]))


def test_the_genotype_follows_the_alphas() -> None:
    net = make("entrannas-dst", "relaxation.temperature=1")
    genotype = net.derive("mine", {"epoch": 3})
    for kind, mask in net.select().items():
        assert sum(1 for _ in genotype.cells[kind].edges()) == int(mask.sum())
        importance = net.frozen()[kind].importance[mask]
        assert sorted(edge.weight or 0 for _, _, edge in genotype.cells[kind].edges()) == pytest.approx(
            sorted(importance.tolist())
        )
    assert genotype.metadata == {"epoch": 3}


@pytest.mark.parametrize("method", ["darts", "pc-darts", "entrannas"])
def test_odd_sizes_and_odd_batches(method: str) -> None:
    net = make(method, size=9)
    images, labels = batch(5, 9)
    cross_entropy(net(images), labels).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_the_imagenet_stem_has_three_strides() -> None:
    net = make("pc-darts", "supernet.skeleton=imagenet", size=32)
    images, _ = batch(2, 32)
    older, newer = net.stem(images)
    assert (older.shape[2:], newer.shape[2:]) == ((8, 8), (4, 4))
    assert net(images).shape == (2, 10)


def test_bfloat16_features_come_close() -> None:
    net = make("darts").float()
    images, labels = batch()
    images = images.float()
    expected = net(images)
    with torch.autocast("cpu", torch.bfloat16):
        found = net(images)
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).abs().max() < 0.05 * expected.abs().max()
    cross_entropy(found.float(), labels).backward()
    assert {p.grad.dtype for p in net.parameters() if p.grad is not None} == {torch.float32}


ABLATIONS: dict[str, Sequence[str]] = {
    # EnTranNAS, Tables 1, 3 and 4
    "entrannas: engine half": ("entrannas", "placement=half", "supernet.layers=4"),
    "entrannas: engine last": ("entrannas", "placement=last"),
    "entrannas: engine all": ("entrannas", "placement=all"),
    "entrannas: no sharing, no bottleneck": ("entrannas", "connection.share=false", "connection.bottleneck=none"),
    "entrannas: no bottleneck": ("entrannas", "connection.bottleneck=none"),
    "entrannas: 12 operations": ("entrannas", "space=extended"),
    "entrannas: literal Eq. 4": ("entrannas", "derivation.distinct_predecessors=false"),
    "dst: lambda": ("entrannas-dst", "relaxation.sparsity=0.05"),
    "dst: 12 operations": ("entrannas-dst", "space=extended-no-zero"),
    # PC-DARTS, Table 3 and Figure 3
    "pc-darts: no edge normalization": ("pc-darts", "relaxation.edge_normalization=false"),
    "pc-darts: edge normalization alone": ("pc-darts", "connection.partial=1"),
    "pc-darts: K = 2": ("pc-darts", "connection.partial=2"),
    # EC-DARTS, Table 4
    "darts + CEN": ("darts", "relaxation=cen"),
    "darts + IST": ("darts", "schedule.ist=true"),
    # eDARTS, Tables I and II
    **{f"edarts: SS{n}": ("edarts", f"space=ss{n}") for n in range(1, 9)},
    "edarts: average pools": ("edarts", "space=ss3", "space.pool=avg"),
    "edarts: all edges": ("edarts", "topology=all", "derivation=top-k"),
    "edarts: equal attention": ("edarts", "relaxation.attention={}"),
    "darts: second order": ("darts", "schedule.order=2"),
    "darts: an architecture step an epoch": ("darts", "schedule.architecture_steps=epoch"),
    # combinations nobody has run
    "pc-darts + DST": ("pc-darts", "relaxation.dst=true", "space=darts-no-zero", "derivation=non-zero"),
    "CEN + DST + sharing": ("entrannas-dst", "relaxation=cen"),
    "CEN + partial channels + edge weights": ("pc-darts", "relaxation=cen"),
    "DST on fixed edges": ("entrannas-dst", "topology=fixed", "derivation=argmax"),
    "DST, then the top 2": ("entrannas-dst", "derivation=top-k"),
    "engine cells of partial channels": ("pc-darts", "placement=first"),
    "attention + bottleneck, SS3 without none": ("edarts", "space=ss3-no-zero", "connection.bottleneck=2"),
    "three a node, six nodes": ("darts", "topology.nodes=6", "derivation.edges_per_node=3"),
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_builds_and_steps(name: str) -> None:
    method, *overrides = ABLATIONS[name]
    net = make(method, "supernet.layers=3", *overrides).float()
    architecture_step(net)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.architecture_parameters())
    net.zero_grad(set_to_none=True)
    weight_step(net)
    gradients = [p.grad for p in net.weight_parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    net.eval()
    assert torch.isfinite(net(batch(dtype=torch.float32)[0], net.route(View.DERIVED))).all()
    assert net.derive().cells.keys() == {"normal", "reduction"}


@pytest.mark.parametrize("method", ["pc-darts", "entrannas"])
def test_no_step_asks_for_the_gradient_that_ends_the_process(method: str) -> None:
    """That of a 1x1 weight with a stride: factorized reduces and conv_1x1 have some."""
    net = make(method, "space=extended").float()
    with StridedGradients() as gradients:
        architecture_step(net)
        weight_step(net)
    assert gradients.strided == []
    assert gradients.seen > 10


@pytest.mark.parametrize(("channels", "layers"), [(4096, 20), (16, 500)])
def test_a_super_net_that_no_memory_holds_is_refused(channels: int, layers: int) -> None:
    sizes = (f"supernet.channels={channels}", f"supernet.layers={layers}")
    config = SearchConfig.make("darts", "quick", sizes)
    with pytest.raises(NetworkError, match=r"GiB of memory; at most 16 GiB|primitives together; a net has at most"):
        SuperNet(config, DataShape(10, 3, (8, 8)))
