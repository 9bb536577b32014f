"""Thumbnails of drawn pictures: their size, what they say, and what is refused."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.rendering.thumbnails import (
    encode_colour_bar,
    encode_thumbnail,
    shrink_thumbnail,
)


def draw(values):
    source = MapSource(values, None, Caption("gradient", "auto", "logit"))
    (drawing,) = choose_picture(Style(), source.layout).draw([source], Style())
    return drawing.png


def get_size(webp):
    return Image.open(io.BytesIO(webp), formats=["WEBP"]).size


def encode_png(width, height):
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    return out.getvalue()


def test_a_thumbnail_says_what_its_picture_says(rng):
    small = encode_thumbnail(draw(rng.normal(size=(16, 16, 1))), 96)
    assert get_size(small.data) == (96, 96)
    assert small.text["method"] == "gradient"
    assert small.text["scale"]["high"] > 0


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((400, 400), (96, 96)),
        ((300, 600), (48, 96)),
        ((1600, 400), (384, 96)),
        ((1600, 200), (384, 48)),
        ((40, 30), (40, 30)),
    ],
)
def test_a_thumbnail_keeps_the_proportions_within_its_box(size, expected):
    assert get_size(encode_thumbnail(encode_png(*size), 96).data) == expected


def test_equal_pictures_have_equal_thumbnails(rng):
    png = draw(rng.normal(size=(16, 16, 1)))
    assert encode_thumbnail(png, 96).data == encode_thumbnail(png, 96).data


def test_a_thumbnail_can_be_made_smaller():
    data = encode_thumbnail(encode_png(400, 400), 96).data
    assert get_size(shrink_thumbnail(data, 64)) == (64, 64)


def test_what_is_no_picture_is_refused_before_it_is_decoded():
    good = encode_png(400, 400)
    huge = good[:16] + struct.pack(">II", 1 << 20, 1 << 20) + good[24:]
    for bad in (b"", b"GIF89a", good[:40], huge, good[:60] + b"\0" * 40):
        with pytest.raises(ItemError):
            encode_thumbnail(bad, 96)


def test_a_colour_bar_goes_from_blue_by_white_to_red():
    pixels = np.asarray(Image.open(io.BytesIO(encode_colour_bar("RdBu_r"))))
    assert pixels.shape == (1, 256, 3)
    assert pixels[0, 20, 2] > pixels[0, 20, 0]
    assert pixels[0, 235, 0] > pixels[0, 235, 2]
    assert pixels[0, 128].min() > 240
