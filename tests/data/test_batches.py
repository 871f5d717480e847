"""Batches: a function of seed and number, augmented as the papers say, normalised, channels last."""

import pytest
import torch
from PIL import Image
from torch import Tensor

from genocc.data import Batches, FileImages, MemoryImages
from genocc.errors import DataError

MEAN, STD = (0.201, 0.401, 0.603), (0.1, 0.2, 0.3)  # no pixel has a value of just the mean


def images(count: int = 40, size: int = 8) -> MemoryImages:
    """Every pixel is different from its neighbours and never black."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(1, 256, (count, size, size, 3), generator=generator).to(torch.uint8)
    return MemoryImages(pixels, torch.arange(count))  # the label says which image it is


def batches(of: MemoryImages | FileImages | None = None, size: int = 16, **options: object) -> Batches:
    arguments = {"seed": 0, "stream": "training", "mean": MEAN, "std": STD, **options}
    return Batches(of or images(), size, **arguments)  # type: ignore[arg-type]


def as_pixels(x: Tensor) -> Tensor:
    """Undoes the normalisation: (B, C, H, W) floats to (B, H, W, C) in 0..255."""
    return (x.permute(0, 2, 3, 1) * torch.tensor(STD) + torch.tensor(MEAN)) * 255


def test_images_are_normalised_and_channels_last() -> None:
    source = images()
    x, labels = batches(source)[0]
    assert x.shape == (16, 3, 8, 8)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(as_pixels(x), source.pixels[labels].float(), atol=1e-3, rtol=0)


def test_a_batch_depends_on_seed_stream_and_number_alone() -> None:
    options = {"padding": 2, "flip": True, "cutout": 3}
    forward = [batches(**options)[n] for n in range(6)]
    once = batches(**options)
    for n in (5, 0, 3, 3, 1):  # in any order, as often as wanted
        assert torch.equal(once[n][0], forward[n][0])
        assert torch.equal(once[n][1], forward[n][1])
    assert not torch.equal(batches(**options, seed=1)[0][1], forward[0][1])
    assert not torch.equal(batches(**options, stream="validation")[0][1], forward[0][1])


def test_a_pass_shows_each_image_at_most_once_and_the_next_pass_in_another_order() -> None:
    found = batches()
    assert len(found) == 2  # 40 images: eight are left out
    first, second = (torch.cat([found[2 * turn + n][1] for n in range(2)]) for turn in range(2))
    assert len(set(first.tolist())) == len(first) == 32
    assert not torch.equal(first, second)


def test_fewer_images_than_a_batch_make_one_batch() -> None:
    found = batches(images(5))
    assert len(found) == 1
    assert sorted(found[0][1].tolist()) == [0, 1, 2, 3, 4]


def test_one_image_is_no_batch() -> None:
    with pytest.raises(DataError, match="1 image; expected at least two"):
        batches(images(1))


def test_another_stream_of_the_same_images_has_a_position_of_its_own() -> None:
    source = images(50)
    first, expected = batches(source), batches(source)
    other = first.stream_of("other")
    assert not torch.equal(first[0][1], other[0][1])
    for n in (1, 2):
        other[40 + n]
        assert torch.equal(first[n][0], expected[n][0])
    assert torch.equal(other[0][0], first.stream_of("other")[0][0])
    assert len(other) == len(first)


def test_the_whole_of_a_share_are_the_same_batches() -> None:
    whole, share = batches(padding=2), batches(padding=2, share=slice(4, 8))
    assert whole.whole() is whole
    assert len(share[1][1]) == 4
    for x, y in zip(share.whole()[1], whole[1], strict=True):
        assert torch.equal(x, y)
    assert torch.equal(share[2][0], whole[2][0][4:8])


def test_in_order_shows_every_image_once_as_it_is() -> None:
    source = images()
    seen = list(batches(source, padding=2, flip=True, cutout=4).in_order(16))
    assert torch.equal(torch.cat([labels for _, labels in seen]), torch.arange(40))
    torch.testing.assert_close(as_pixels(torch.cat([x for x, _ in seen])), source.pixels.float(), atol=1e-3, rtol=0)
    some = torch.cat([labels for _, labels in batches(source).in_order(16, 10)])
    assert torch.equal(some, torch.arange(0, 40, 4))


def test_crops_move_images_by_up_to_the_padding_over_black_and_half_are_mirrored() -> None:
    """Each augmented image is found among all that the definition allows, and all kinds of shifts occur."""
    source, padding = images(64), 2
    x, labels = batches(source, 64, padding=padding, flip=True)[0]
    framed = torch.nn.functional.pad(source.pixels, (0, 0, padding, padding, padding, padding))
    seen = set()
    for image, label in zip(as_pixels(x).round().to(torch.uint8), labels.tolist(), strict=True):
        for mirrored in (False, True):
            for top in range(5):
                for left in range(5):
                    expected = framed[label, top : top + 8, left : left + 8]
                    if torch.equal(image, expected.flip(1) if mirrored else expected):
                        seen.add((label, mirrored, top, left))
    assert len(seen) == 64
    assert 20 < sum(mirrored for _, mirrored, _, _ in seen) < 44
    assert {top for _, _, top, _ in seen} == {left for _, _, _, left in seen} == set(range(5))


def test_every_batch_is_augmented_in_its_own_way() -> None:
    same = MemoryImages(images(1).pixels.expand(8, -1, -1, -1), torch.arange(8))
    for options in ({"padding": 3}, {"flip": True}, {"cutout": 3}):
        found = batches(same, 8, **options)
        assert any(not torch.equal(found[0][0], found[number][0]) for number in (1, 2, 3))


def test_without_flip_nothing_is_mirrored() -> None:
    source = images(64)
    x, labels = batches(source, 64, flip=False)[0]
    torch.testing.assert_close(as_pixels(x), source.pixels[labels].float(), atol=1e-3, rtol=0)


def test_cutout_blanks_one_square_with_the_mean() -> None:
    source = images(64)
    x, labels = batches(source, 64, cutout=4)[0]
    kept = (as_pixels(x) - source.pixels[labels]).abs() < 1e-3
    assert torch.equal(kept.all(3), kept.any(3))
    sizes = set()
    for image, mask in zip(x, ~kept.all(3), strict=True):
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        height, width = len(rows), len(columns)
        assert mask.sum() == height * width  # one rectangle, which the border may cut
        assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert (image[:, mask] == 0).all()
        sizes.add((height, width))
    assert max(sizes) == (4, 4)
    assert len(sizes) > 4


def test_images_in_files_are_the_same_whichever_way_they_are_reached(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths = []
    for number in range(12):
        paths.append(folder / f"{number}.png")
        Image.effect_noise((40, 30), 80 + number).convert("RGB").save(paths[-1])
    first, second = (batches(FileImages(paths, torch.arange(12), (16, 16)), 4, flip=True) for _ in range(2))
    ahead = [first[n][0] for n in range(5)]  # across the end of a pass, with batches started early
    for n in (4, 0, 2):
        assert torch.equal(second[n][0], ahead[n])
    assert len({float(x.sum()) for x in ahead}) == 5


@pytest.mark.parametrize("size", [16, 32])
def test_a_random_crop_keeps_the_colours_of_the_place_it_is_from(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    """A picture whose red is its x and whose green is its y shows where a crop is from."""
    path = tmp_path_factory.mktemp("ramp") / "ramp.png"
    x, y = torch.meshgrid(torch.arange(200), torch.arange(100), indexing="xy")
    Image.fromarray(torch.stack([x, y, 0 * x], 2).to(torch.uint8).numpy()).save(path)
    found = batches(FileImages([path] * 32, torch.arange(32), (size, size)), 32, mean=(0,) * 3, std=(1 / 255,) * 3)
    red, green = found[0][0].permute(1, 0, 2, 3)[:2]
    left, right = red[:, :, 0].mean(1), red[:, :, -1].mean(1)
    top, bottom = green[:, 0].mean(1), green[:, -1].mean(1)
    scale = size / (size - 1)
    width, height = (right - left) * scale, (bottom - top) * scale
    share = width * height / (200 * 100)
    assert (share > 0.05).all()
    assert (share < 1.05).all()
    assert share.max() - share.min() > 0.4
    ratio = width / height
    assert (ratio > 0.7).all()
    assert (ratio < 1.45).all()
    assert left.std() > 10
