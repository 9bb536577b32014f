"""The file's own picture, and the part of it that the model saw."""

import io

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.image_options import ImageOptions, Resize
from inputgrad_cli.data.pictures.uncropped_original import OriginalPicture, find_model_view
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images import original_image_decoding
from inputgrad_cli.formats.images.original_image_decoding import read_original
from inputgrad_cli.formats.images.read_images import read_image_frames

SIZES = [((40, 200), (32, 32)), ((200, 40), (32, 32)), ((90, 120), (24, 48)), ((64, 64), (64, 64))]
SIZES += [((37, 53), (20, 31)), ((30, 30), (80, 50))]


def encode(pixels, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("original", "seen"), SIZES)
def test_the_view_of_the_model_is_where_its_pixels_come_from(mode, axis, original, seen):
    """A ramp, whose grey levels are positions, tells where each pixel was taken from."""
    ramp = np.broadcast_to(np.arange(original[axis], dtype=np.uint8), original[::-1] if not axis
                           else original)  # fmt: skip
    ramp = ramp if axis else ramp.T
    options = ImageOptions(Resize(mode, "bilinear"))
    spec = InputSpec("x", (*seen, 1), "float32")
    levels = read_image_frames(encode(ramp), spec, options, "ramp.png").pixels[0, ..., 0]
    box = np.array(find_model_view(mode, original, seen))
    start, stop = box[[0, 2]] if axis else box[[1, 3]]
    centres = start + (np.arange(seen[axis]) + 0.5) / seen[axis] * (stop - start)
    line = levels[seen[0] // 2] if axis else levels[:, seen[1] // 2]
    margin = max(1.0, (stop - start) / seen[axis])  # at the ends the filter sees no ramp
    inner = (centres > max(start, 0) + margin) & (centres < min(stop, original[axis]) - margin)
    assert inner.sum() >= 3
    gaps = line[inner] - (centres[inner] - 0.5)
    assert np.abs(gaps).max() <= 0.75, "levels are rounded to whole ones"
    assert abs(gaps.mean()) < 0.3
    outside = (centres < 0) | (centres > original[axis])
    assert (line[outside] == 0).all(), "the border that pads"
    assert outside.any() == (mode == "pad" and (start < 0 or stop > original[axis]))


def test_a_crop_lies_within_the_picture_and_a_padded_view_contains_it():
    for original, seen in SIZES:
        left, top, right, bottom = find_model_view("crop", original, seen)
        assert 0 <= left < right <= original[1]
        assert 0 <= top < bottom <= original[0]
        assert (right - left) / (bottom - top) == pytest.approx(seen[1] / seen[0])
        left, top, right, bottom = find_model_view("pad", original, seen)
        assert left <= 0 < original[1] <= right
        assert top <= 0 < original[0] <= bottom
        assert find_model_view("stretch", original, seen) == (0, 0, original[1], original[0])


def wrap(data, frame=0, **options):
    return OriginalPicture(data, frame, ImageOptions(**options), (4, 4), "a.png")


def test_a_picture_comes_back_upright_in_colour_and_in_its_own_size(rng):
    colours = rng.integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(read_original(wrap(encode(colours))), colours)
    grey = colours[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_array_equal(read_original(wrap(encode(grey))), expected)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    turned = read_original(wrap(encode(colours, exif=exif)))
    np.testing.assert_array_equal(turned, np.rot90(colours, -1))


def test_a_deep_picture_is_shown_by_the_range_of_its_values():
    deep = np.array([[0, 100], [200, 400]], np.uint16)
    shown = read_original(wrap(encode(deep), value_range=(0.0, 200.0)))
    assert shown[..., 0].tolist() == [[0, 128], [255, 255]]


def test_the_frame_that_was_asked_for_is_shown(rng):
    frames = rng.integers(0, 256, (3, 4, 4), np.uint8)
    file = io.BytesIO()
    first, *others = map(Image.fromarray, frames)
    first.save(file, "TIFF", save_all=True, append_images=others)
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(read_original(wrap(file.getvalue(), index))[..., 0], frame)


def test_a_picture_that_is_too_large_to_draw_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(original_image_decoding, "MAX_PIXELS", 15)
    with pytest.raises(ItemError, match="4x4 pixels is too large to draw"):
        read_original(wrap(encode(np.zeros((4, 4, 3), np.uint8))))
