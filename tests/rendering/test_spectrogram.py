"""Pictures of spectrograms: time to the right, low bins at the bottom, colours of the values."""

import numpy as np
import pytest

from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.rendering import choose_picture, is_drawable
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.series.spectrogram import LEFT, SIZE, TOP

from .drawn import GREEN, build_source, draw, read_facts, read_pixels

COLOURS = load_colour_table("RdBu_r").astype(int)


def get_map(drawing):
    return read_pixels(drawing)[TOP : TOP + SIZE[0], LEFT : LEFT + SIZE[1]].astype(int)


def test_time_runs_to_the_right_and_low_bins_are_at_the_bottom():
    values = np.zeros((4, 2))
    values[0, 0], values[3, 1] = -1, 1
    pixels = get_map(draw(build_source(values, "spectrogram"), clip=100))
    half, quarter = SIZE[0] // 2, SIZE[1] // 4
    assert (pixels[half:, :quarter] == COLOURS[0]).all()
    assert (pixels[:half, 3 * quarter :] == COLOURS[255]).all()
    assert (pixels[:, quarter : 3 * quarter] == COLOURS[128]).all()


@pytest.mark.parametrize("channels", [(), (1,)])
def test_the_input_is_a_grey_backdrop(channels):
    seen = np.array([[0.0, 2.0], [2.0, 0.0]]).reshape(2, 2, *channels)
    source = build_source(np.zeros((2, 2, *channels)), "spectrogram", {"values": seen})
    pixels = get_map(draw(source, alpha=0.0))
    assert (pixels[:128, :400] == 255).all()
    assert (pixels[128:, :400] == 0).all()


def test_channels_are_reduced():
    source = build_source(np.ones((5, 4, 2)) * [3, 4], "spectrogram")
    facts = read_facts(draw(source, reduce="l2", clip=100))
    assert facts["scale"] == {"low": 0, "high": 5}
    assert facts["kind"] == "spectrogram"


def test_one_lost_value_of_many_is_seen():
    values = np.zeros((3000, 700))
    values[1234, 567] = np.nan
    assert (get_map(draw(build_source(values, "spectrogram"))) == GREEN).all(axis=-1).sum() == 1


def test_the_scale_that_a_map_needs_is_its_own():
    picture = choose_picture(Style(), MapLayout((2, 2), subject="spectrogram"))
    style = Style(clip=100, limit=0.0, signed=False)
    source = build_source(np.full((2, 2), -3.0), "spectrogram")
    assert picture.find_scale(source, style) == Scale(3.0, True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("fill", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("shape", [(1, 1), (98, 40), (900, 513, 1), (3, 2, 5)])
def test_the_edges_are_drawn_without_a_warning(shape, fill):
    for seen in (None, np.full(shape, fill), np.zeros(3)):
        drawing = draw(build_source(np.full(shape, fill), "spectrogram", {"values": seen}))
        assert drawing.flat == (fill == 0 or np.isnan(fill))


def test_only_spectrograms_are_drawn_so():
    assert is_drawable(MapLayout((98, 40, 1), subject="spectrogram"))
    assert not is_drawable(MapLayout((98,), subject="spectrogram"))
