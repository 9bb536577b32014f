"""Pictures of videos: frames, and an animation of all of them beside the PNG."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.rendering import is_drawable

from .drawn import build_source, draw, read_facts, read_pixels


def read_film(drawing):
    """Return the frames of the animation, each (H, W, 3)."""
    (ending,) = drawing.extras
    assert ending == ".webp"
    with Image.open(io.BytesIO(drawing.extras[ending])) as film:
        frames = []
        for index in range(film.n_frames):
            film.seek(index)
            frames.append(np.asarray(film.convert("RGB")))
            assert film.n_frames == 1 or film.info["duration"] == 100
        return frames


def build_spot(frames=5, size=(20, 40)):
    """Return a map whose only value other than zero moves one column with each frame."""
    values = np.zeros((frames, *size, 1))
    for frame in range(frames):
        values[frame, :, frame] = 1
    return values


def test_a_picture_has_the_frames_and_the_chart():
    drawing = draw(build_source(build_spot(), "video"))
    assert read_pixels(drawing).shape == (34 + 15 + 84 + 8 + (15 + 56 + 8) + 43, 976, 3)
    assert read_facts(drawing)["kind"] == "video"


def test_the_animation_shows_every_frame_on_one_scale():
    values = build_spot()
    values[3] *= -1
    frames = read_film(draw(build_source(values, "video"), clip=100))
    assert len(frames) == 5
    for index, frame in enumerate(frames):
        assert frame.shape == (20 + 160 + 20, 320, 3)
        spot = frame[100, 8 * index + 4].astype(int)
        assert (spot[0] > spot[2] + 60) == (index != 3), "red, but blue where it is negative"
        zero = frame[100, 300].astype(int)
        assert np.ptp(zero) < 12
        assert zero.min() > 235


def test_a_long_name_of_a_file_takes_no_room_from_the_class_in_the_animation():
    source = build_source(build_spot(), "video")
    films = {}
    for item, label in (("", "cat"), ("long" * 50, "cat"), ("", "dog")):
        caption = replace(source.caption, item=item, label=label)
        films[item, label] = draw(replace(source, caption=caption)).extras[".webp"]
    assert films["", "cat"] == films["long" * 50, "cat"] != films["", "dog"]


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (61, 60)])
def test_a_long_video_is_thinned_out(count, shown):
    values = np.random.default_rng(0).normal(size=(count, 4, 4, 1))
    assert len(read_film(draw(build_source(values, "video")))) == shown


def test_the_same_map_gives_the_same_bytes():
    source = build_source(build_spot(), "video", {"values": build_spot()})
    assert draw(source) == draw(source)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("fill", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (20, 8, 8, 3), (3, 1, 900, 1)])
def test_the_edges_are_drawn_without_a_warning(shape, fill):
    drawing = draw(build_source(np.full(shape, fill), "video", {"values": np.full(shape, fill)}))
    assert drawing.flat == (fill == 0 or np.isnan(fill))
    assert len(drawing.extras[".webp"]) > 100


def test_only_videos_are_drawn_so():
    assert is_drawable(MapLayout((4, 8, 8, 1), subject="video"))
    assert not is_drawable(MapLayout((4, 8), subject="video"))
