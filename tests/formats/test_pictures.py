"""Picture files beyond plain colour: frames, 16 bits, floats, inks, profiles, channels first."""

import io
import struct
import zlib
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageCms

from inputgrad_cli.data.image_options import Resize
from inputgrad_cli.errors import ItemError
from tests.peak_memory import peak

from . import film, picture, port, read

GREY, COLOUR = port((4, 4, 1)), port((4, 4, 3))
RAMP = np.linspace(0, 65535, 16).reshape(4, 4)


def pixels(samples):
    return samples.arrays["x"]


def test_a_film_asks_for_a_frame():
    with pytest.raises(ItemError, match=r"3 frames.*--frame 0 to --frame 2.*--frame all") as error:
        read("a.gif", film(10, 20, 30), COLOUR)
    assert error.value.kind == "frames"


@pytest.mark.parametrize(("name", "kind"), [("a.gif", "GIF"), ("a.tif", "TIFF"), ("a.png", "PNG")])
def test_one_frame_is_a_picture(name, kind):
    samples = read(name, film(10, 20, 30, kind=kind), COLOUR, frame=1)
    assert not samples.many
    assert samples.record["frame"] == 1
    np.testing.assert_array_equal(pixels(samples), np.full((1, 4, 4, 3), 20))


def test_all_frames_are_samples():
    samples = read("a.gif", film(10, 20, 30), COLOUR, frame="all")
    assert samples.many
    assert pixels(samples)[:, 0, 0, 0].tolist() == [10, 20, 30]
    assert samples.pixels["x"].dtype == np.uint8
    assert read("a.png", picture(np.zeros((4, 4), "u1")), COLOUR, frame="all").many


@pytest.mark.parametrize(
    ("data", "asked", "count"),
    [(film(1, 2), 2, "2 frames"), (picture(np.zeros((4, 4), "u1")), 1, "1 frame")],
)
def test_a_frame_that_is_not_there_tells_how_many_are(data, asked, count):
    with pytest.raises(ItemError, match=f"no frame {asked}; it holds {count}"):
        read("a.gif", data, COLOUR, frame=asked)


def test_too_many_frames_are_refused_before_they_are_decoded():
    with pytest.raises(ItemError, match="too many"):
        read("a.gif", film(*range(200)), port((1000, 1000, 3)), frame="all")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", picture(RAMP.astype("u2"))),
        ("a.tif", picture(RAMP.astype("u2"), "TIFF")),
        ("a.tif", picture(RAMP.astype(">u2"), "TIFF")),
    ],
)
def test_16_bits_are_their_whole_range(name, data):
    samples = read(name, data, GREY)
    np.testing.assert_allclose(pixels(samples)[0, :, :, 0], RAMP.astype("u2") / 257, rtol=1e-6)
    assert samples.record["input_range"] == [0, 65535]
    assert not samples.notes


@pytest.mark.parametrize(
    "data",
    [
        picture(RAMP.astype("u2")),
        picture(RAMP.astype("f4"), "TIFF"),
        picture(RAMP.astype("i4"), "TIFF"),
    ],
)
def test_the_range_that_is_asked_for_is_black_to_white(data):
    samples = read("a.tif", data, COLOUR, value_range=(4369.0, 65535.0))
    flat = pixels(samples)[0, :, :, 0].ravel()
    assert flat[0] == flat[1] == 0
    assert flat[-1] == 255
    assert "1 of 16 values lie outside" in samples.notes["outside-range"]
    assert "grey-to-colour" in samples.notes
    np.testing.assert_array_equal(samples.pixels["x"], np.rint(pixels(samples)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_few_bits_in_16_are_told_with_the_range_that_was_used(kind, bits):
    values = np.linspace(0, 2**bits - 1, 16).reshape(4, 4).astype("u2")
    samples = read("a.tif", picture(values, kind), GREY)
    assert samples.record["input_range"] == [0, 65535]
    assert ("narrow-range" in samples.notes) == (bits < 16)
    if bits < 16:
        note = samples.notes["narrow-range"]
        for part in (f"to {2**bits - 1}", f"{bits} bits", "0 to 65535", f"0,{2**bits - 1}"):
            assert part in note
        asked = read("a.tif", picture(values, kind), GREY, value_range=(0, 2**bits - 1))
        assert not asked.notes
        assert asked.arrays["x"].max() == 255


def test_few_bits_are_not_told_of_where_another_frame_uses_more():
    dark, light = (Image.fromarray(np.full((4, 4), v, "u2")) for v in (0, 60000))
    out = io.BytesIO()
    dark.save(out, "TIFF", save_all=True, append_images=[light])
    assert not read("a.tif", out.getvalue(), GREY, frame="all").notes


def test_a_range_for_8_bits_is_told_to_be_unused():
    samples = read("a.png", picture(np.zeros((4, 4), "u1")), GREY, value_range=(0, 100))
    assert "--input-range" in samples.notes["input-range-unused"]


@pytest.mark.parametrize("kind", ["f4", "i4"])
def test_floats_and_32_bits_need_a_range(kind):
    with pytest.raises(ItemError, match=r"from 0\S* to 65535.*--input-range"):
        read("a.tif", picture(RAMP.astype(kind), "TIFF"), COLOUR)


def test_nan_in_a_float_picture_is_refused():
    with pytest.raises(ItemError, match="1 of 16 values are NaN"):
        read(
            "a.tif",
            picture(np.where(RAMP == 0, np.nan, RAMP).astype("f4"), "TIFF"),
            COLOUR,
            value_range=(0, 1),
        )


@pytest.mark.parametrize("interp", ["bicubic", "lanczos"])
def test_resized_floats_stay_between_black_and_white(interp):
    edge = np.repeat([[0, 65535]], 2, axis=0).astype("u2").repeat(4, axis=1)
    result = pixels(
        read("a.png", picture(edge), port((31, 31, 1)), resize=Resize("stretch", interp))
    )
    assert result.min() == 0
    assert result.max() == 255


def test_16_bits_feed_whole_number_inputs_rounded():
    result = pixels(read("a.png", picture(RAMP.astype("u2")), port((4, 4, 3), "uint8")))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[0, :, :, 0], np.rint(RAMP.astype("u2") / 257))


def deep_colour():
    """Return a PNG of 16-bit colours, which Pillow cannot write: one row, one black pixel."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    body = zlib.compress(b"\0" + b"\x80\x01" * 3)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_16_bit_colour_is_read_with_8_bits_and_told():
    samples = read("a.png", deep_colour(), COLOUR)
    assert "16-bit-colour" in samples.notes
    assert pixels(samples)[0, 0, 0].tolist() == [128, 128, 128]
    with pytest.raises(ItemError, match="--input-range cannot"):
        read("a.png", deep_colour(), COLOUR, value_range=(0, 1))


def test_a_uint8_input_gets_bytes():
    grid = np.arange(48, dtype="u1").reshape(4, 4, 3)
    result = pixels(read("a.png", picture(grid), port((4, 4, 3), "uint8")))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[0], grid)
    with pytest.raises(ItemError, match="--preprocess raw"):
        read("a.png", picture(grid), port((4, 4, 3), "uint8"), preprocess="unit")


def test_pixels_that_an_int8_input_cannot_hold_are_refused():
    with pytest.raises(ItemError, match="from -128 to 127"):
        read("a.png", picture(np.full((4, 4, 3), 200, "u1")), port((4, 4, 3), "int8"))


@pytest.mark.parametrize("name", ["raw", "caffe", "torch"])
def test_channels_first_inputs_get_the_same_pixels_in_their_order(name):
    grid = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    last = read("a.png", picture(grid), port((5, 7, 3)), preprocess=name)
    first = read("a.png", picture(grid), port((3, 5, 7)), preprocess=name)
    np.testing.assert_array_equal(pixels(first)[0], pixels(last)[0].transpose(2, 0, 1))
    np.testing.assert_array_equal(first.pixels["x"], last.pixels["x"])
    assert first.record["channels_first"] == ["x"]
    assert "channels_first" not in last.record


def exchanged():
    """Return a profile that takes red for green: sRGB with the two exchanged, and another name."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    return data.replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))


def inks():
    """Return a CMYK profile in which every ink is a grey: the more of any, the darker."""
    head = struct.pack(">I4s4s4s4s4s", 0, b"lcms", b"\2\x10\0\0", b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    greys = [bytes([255 - 63 * sum(mix), 128, 128]) for mix in product((0, 1), repeat=4)]
    matrix = struct.pack(">9i", *(0x10000 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + bytes(range(256)) * 4
    table += b"".join(greys) + bytes(range(256)) * 3
    data = head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table
    return struct.pack(">I", len(data)) + data[4:]


RED = np.zeros((4, 4, 3), np.uint8) + np.array([200, 30, 30], np.uint8)


def test_colours_of_another_profile_become_srgb():
    samples = read("a.png", picture(RED, icc_profile=exchanged()), COLOUR)
    assert "icc" in samples.notes
    np.testing.assert_allclose(pixels(samples)[0, 0, 0], [30, 200, 30], atol=3)


def test_srgb_as_a_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    samples = read("a.png", picture(RED, icc_profile=profile), COLOUR)
    assert not samples.notes
    np.testing.assert_array_equal(pixels(samples)[0], RED)


def test_a_broken_profile_is_passed_over_and_told():
    samples = read("a.png", picture(RED, icc_profile=b"no profile"), COLOUR)
    assert "icc-unusable" in samples.notes
    np.testing.assert_array_equal(pixels(samples)[0], RED)


def test_alpha_survives_a_profile_where_the_model_takes_it():
    rgba = np.dstack([RED, np.full((4, 4), 77, np.uint8)])
    samples = read("a.png", picture(rgba, icc_profile=exchanged()), port((4, 4, 4)))
    np.testing.assert_allclose(pixels(samples)[0, 0, 0], [30, 200, 30, 77], atol=3)


def test_inks_are_converted_by_the_files_own_profile():
    red = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    out = io.BytesIO()
    red.save(out, "JPEG", quality=100, icc_profile=inks())
    samples = read("a.jpg", out.getvalue(), COLOUR)
    assert set(samples.notes) == {"icc"}
    r, g, b = pixels(samples)[0, 0, 0]
    assert abs(r - g) <= 2 >= abs(g - b)  # by the plain rule it is pure red
    assert 100 < g < 150


def test_inks_without_a_profile_are_told():
    samples = read("a.jpg", picture(RED, "JPEG", "CMYK"), COLOUR)
    assert "without a colour profile" in samples.notes["cmyk"]


@pytest.mark.parametrize("data", [b"", b"<html>", picture(RED)[:50], picture(RED, "JPEG")[:-30]])
def test_what_is_no_whole_picture_is_refused(data):
    with pytest.raises(ItemError) as error:
        read("a.png", data, COLOUR)
    assert error.value.kind == "unreadable"


def test_a_huge_picture_is_refused_before_it_is_decoded():
    out = io.BytesIO()
    Image.new("1", (10_000, 9_000)).save(out, "PNG")
    with pytest.raises(ItemError, match="more than 89,000,000 pixels"):
        read("a.png", out.getvalue(), COLOUR)


@pytest.mark.parametrize("shape", [(None, None, 3), (4, 4, 3)])
def test_fifty_bytes_that_claim_to_be_a_huge_picture_take_no_memory(shape):
    data = bytearray(picture(RED, "GIF"))
    data[6:10] = struct.pack("<HH", 9400, 9400)
    before = peak(anew=True)
    with pytest.raises(ItemError, match="bytes claim to be 88,360,000 pixels"):
        read("a.gif", bytes(data), port(shape))
    assert peak() - before < 20 << 20


def test_a_large_blank_page_is_a_picture():
    out = io.BytesIO()
    Image.new("1", (4000, 4000)).save(out, "PNG")
    assert pixels(read("a.png", out.getvalue(), COLOUR)).shape == (1, 4, 4, 3)


@pytest.mark.parametrize("shape", [(4,), (4, 4, 7), (2, 4, 4, 3)])
def test_a_picture_feeds_picture_inputs_alone(shape):
    with pytest.raises(ItemError, match="a picture does not fit"):
        read("a.png", picture(RED), port(shape))
