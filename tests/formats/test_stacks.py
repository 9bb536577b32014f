"""Pages, frames and bands of a file to one sample: volumes, videos, many channels."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.readers import list_suffixes

from . import film, picture, port, read

RANDOM = np.random.default_rng(0)
VOLUME = RANDOM.integers(0, 256, (5, 6, 7), dtype=np.uint8)
VIDEO = RANDOM.integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)


def pages(array, kind="TIFF", **options):
    first, *others = (Image.fromarray(page) for page in array)
    out = io.BytesIO()
    first.save(out, kind, save_all=True, append_images=others, **options)
    return out.getvalue()


def tiff(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()


def values(name, data, *ports, **viewing):
    samples = read(name, data, *ports, **viewing)
    assert not samples.many
    return samples.arrays["x"][0]


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 1), (None, 6, 7), (None, None, None, 1)])
def test_pages_are_a_volume(shape):
    result = values("a.tif", pages(VOLUME), port(shape))
    np.testing.assert_array_equal(result.reshape(VOLUME.shape), VOLUME)
    assert result.ndim == len(shape)


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [("a.tif", "TIFF", {}), ("a.webp", "WEBP", {"lossless": True}), ("a.png", "PNG", {})],
)
def test_frames_are_a_video(name, kind, options):
    result = values(name, pages(VIDEO, kind, **options), port((None, 6, 7, 3)))
    np.testing.assert_array_equal(result, VIDEO)


def test_a_gif_is_a_video_in_colour_and_in_grey():
    data = film(10, 120, 250)
    for channels in (1, 3):
        result = values("a.gif", data, port((3, 4, 4, channels)))
        np.testing.assert_array_equal(result[:, 0, 0, 0], [10, 120, 250])


def test_frames_are_brought_to_the_models_size_as_a_picture_is():
    result = values("a.tif", pages(VIDEO), port((5, 3, 4, 3)))
    for frame, pixels in zip(VIDEO, result, strict=True):
        wanted = read("a.png", picture(frame), port((3, 4, 3))).arrays["x"][0]
        np.testing.assert_array_equal(pixels, wanted)


@pytest.mark.parametrize("count", [4, 6])
def test_another_number_of_frames_is_refused_with_both(count):
    with pytest.raises(ItemError, match=rf"file of {count} pages.*takes 5 pages") as error:
        read("a.tif", pages(np.zeros((count, 6, 7), "u1")), port((5, 6, 7, 1)))
    assert error.value.kind == "frames"


def test_a_frame_cannot_be_chosen_of_a_video():
    for frame in (0, "all"):
        with pytest.raises(ItemError, match="leave --frame out"):
            read("a.gif", film(1, 2), port((2, 4, 4, 3)), frame=frame)


def test_frames_of_animations_are_recorded_as_such_and_pages_are_not():
    assert read("a.gif", film(1, 2), port((2, 4, 4, 3))).record["animated"] == ["x"]
    assert "animated" not in read("a.tif", pages(VIDEO), port((5, 3, 4, 3))).record


def test_the_pages_of_deep_volumes_have_one_range():
    deep = np.linspace(0, 4095, 5 * 42).reshape(5, 6, 7).astype("u2")
    samples = read("a.tif", pages(deep), port((5, 6, 7, 1)))
    assert "0,4095" in samples.notes["narrow-range"]
    samples = read("a.tif", pages(deep), port((5, 6, 7, 1)), value_range=(0, 4095))
    np.testing.assert_allclose(samples.arrays["x"][0, ..., 0], deep / 4095 * 255, rtol=1e-5)
    assert samples.record["input_range"] == [0, 4095]


BANDS = RANDOM.integers(0, 256, (6, 7, 8), dtype=np.uint8)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_bands_are_the_last_axis_however_they_are_written(
    compression, predictor, order, kind, apart, tile
):
    if predictor and (compression is None or kind == "f4"):
        return  # there is no such file
    array = np.tile(BANDS, (4, 3, 1)).astype(order + kind)
    data = tiff(
        np.ascontiguousarray(array.transpose(2, 0, 1)) if apart else array,
        planarconfig="separate" if apart else "contig",
        photometric="minisblack",
        compression=compression,
        predictor=predictor,
        byteorder=order,
        tile=tile,
        rowsperstrip=None if tile else 5,
    )
    span = None if kind == "u1" else (0, 255)
    if (compression, order, kind) == ("zlib", ">", "f4"):
        with pytest.raises(ItemError, match=r"cannot be read|is not read"):
            read("a.tif", data, port((24, 21, 8)), value_range=span)
        return
    result = values("a.tif", data, port((24, 21, 8)), value_range=span)
    np.testing.assert_allclose(result, array.astype("f4"), atol=1e-4)


def test_packed_floats_in_big_endian_order_are_refused():
    data = tiff(BANDS[..., 0].astype(">f4"), compression="zlib", byteorder=">")
    with pytest.raises(ItemError, match="big-endian"):
        read("a.tif", data, port((6, 7, 1)), value_range=(0, 255))


def test_pages_are_bands_where_there_are_as_many_as_the_last_axis():
    data = pages(np.ascontiguousarray(BANDS.transpose(2, 0, 1)))
    np.testing.assert_array_equal(values("a.tif", data, port((6, 7, 8))), BANDS)


def test_a_fourth_band_that_is_no_alpha_is_not_dropped():
    for options in ({"photometric": "minisblack"}, {"photometric": "rgb", "extrasamples": [0]}):
        data = tiff(np.ascontiguousarray(BANDS[..., :4]), planarconfig="contig", **options)
        np.testing.assert_array_equal(values("a.tif", data, port((6, 7, 4))), BANDS[..., :4])


@pytest.mark.parametrize("channels", [1, 3])
def test_many_bands_for_few_channels_are_told(channels, capfd):
    data = tiff(BANDS, planarconfig="contig", photometric="minisblack")
    with pytest.raises(ItemError, match="a TIFF of 8 bands"):
        read("a.tif", data, port((6, 7, channels)))
    assert capfd.readouterr().err == ""


def test_every_cut_of_a_file_of_bands_is_one_sentence():
    data = tiff(BANDS, planarconfig="contig", photometric="minisblack", compression="zlib")
    for end in range(0, len(data) - 1, 3):
        for shape in ((6, 7, 8), (6, 7, 4), (8, 6, 7)):
            with pytest.raises(ItemError):
                read("a.tif", data[:end], port(shape))


def test_directories_are_walked_for_files_of_several_pages():
    assert {".tif", ".gif"} <= set(list_suffixes([port((5, 6, 7, 1))]))
    assert ".jpg" not in list_suffixes([port((5, 6, 7, 1))])
