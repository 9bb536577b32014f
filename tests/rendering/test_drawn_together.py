"""Maps that are drawn together: each looks as if it had been drawn alone."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.runs.inputs.item_map_files import ItemMap
from inputgrad_cli.runs.pictures import map_pictures
from inputgrad_cli.runs.pictures.map_pictures import draw_pictures
from inputgrad_cli.runs.tasks.load_tasks import LoadedItem
from inputgrad_cli.runs.tasks.write_tasks import MapTask, group_tasks
from inputgrad_cli.storage.map_file_names import MapFiles
from inputgrad_cli.storage.requested_maps import MapSpec

AUTO = parse_target("auto")
REDUCTIONS = ("sum", "l2", "max-abs", "mean-abs", "positive", "negative")
STYLES = (Style(), Style(kind="heatmap", clip=100), Style(limit=1.5, alpha=0.3), Style(cmap="jet"))


def about(index=0, reduce="sum", sign="signed", copied=False):
    score = float(index)
    return Caption("gradient", "top1", "logits", score, None, reduce, "score", sign, copied)


def maps(count, side=5):
    """Return maps among which are all that is out of the ordinary."""
    values = np.random.default_rng(count).standard_normal((count, side, side, 3)).astype("f4")
    values[1] = 0  # flat
    values[2, 0, 0] = np.nan
    values[3, 1, 1, 0] = np.inf
    values[4, 1:] = 0  # live in a few places alone: its percentile is zero
    values[5] = np.nan
    return values


def below(count, side=5):
    return np.random.default_rng(7).integers(0, 256, (count, side, side, 3), np.uint8)


def draw_all(sources, style):
    return choose_picture(style, sources[0].layout).draw(sources, style)


def draw(*source, style):
    return draw_all([MapSource(*source)], style)[0]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("sign", ["signed", "positive", "either"])
@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("side", [None, 5, 11])
def test_maps_drawn_together_are_the_same_files(style, reduction, sign, copied, side):
    values, abouts = maps(7), [about(index, reduction, sign, copied) for index in range(7)]
    seen = [None] * 7 if side is None else below(7, side)
    sources = [MapSource(*parts) for parts in zip(values, seen, abouts, strict=True)]
    together = draw_all(sources, style)
    assert together == [draw_all([source], style)[0] for source in sources]
    assert [picture.flat for picture in together] == [row in (1, 5) for row in range(7)]


def test_a_value_that_is_lost_takes_no_more_than_its_surroundings():
    coarse = np.ones((4, 4, 1), np.float32)
    coarse[0, 0], coarse[3, 3] = np.nan, np.inf
    seen = np.zeros((16, 16, 3), np.uint8)
    png = draw(coarse, seen, about(), style=Style(kind="heatmap")).png
    with Image.open(io.BytesIO(png)) as picture:
        lost = (np.asarray(picture)[::14, ::14] == NAN_COLOUR).all(axis=-1)
    expected = np.zeros((16, 16), bool)
    expected[:6, :6] = expected[10:, 10:] = True
    np.testing.assert_array_equal(lost, expected)


@pytest.fixture
def counts(monkeypatch):
    """Note how many maps are drawn at a time."""
    noted = []
    unwatched = ImageMap.draw

    def noting(picture, sources, style):
        noted.append(len(sources))
        return unwatched(picture, sources, style)

    monkeypatch.setattr(ImageMap, "draw", noting)
    return noted


def test_plates_of_one_kind_are_drawn_together_in_their_order(counts):
    small, large = maps(7), maps(6, side=8)
    plates = [MapSource(values_, None, about(n)) for n, values_ in enumerate(small)]
    plates[2] = None  # a sample that failed
    plates[4] = MapSource(large[0], None, about(4))
    plates.append(MapSource(small[0], below(1)[0], about(7)))
    plates.append(MapSource(small[0], None, about(8, "l2")))
    pictures = list(draw_pictures(plates, Style()))
    assert counts == [2, 1, 1, 2, 1, 1]
    for plate, files in zip(plates, pictures, strict=True):
        assert files == (plate and {".png": draw_all([plate], Style())[0].png})


def test_no_more_are_drawn_at_a_time_than_fit(counts, monkeypatch):
    monkeypatch.setattr(map_pictures, "MAX_PIXELS_TOGETHER", 50)
    coarse = [MapSource(values_, None, about()) for values_ in maps(6)]
    assert len(list(draw_pictures(coarse, Style()))) == 6
    assert counts == [2, 2, 2]
    counts.clear()  # a coarse map takes as much as the picture that it is drawn over
    over = [
        MapSource(values_, seen, about())
        for values_, seen in zip(maps(6), below(6, 8), strict=True)
    ]
    assert len(list(draw_pictures(over, Style()))) == 6
    assert counts == [1] * 6


def test_a_scale_that_maps_share_is_that_of_their_pictures():
    scale, values = Scale(4.0, signed=True), maps(6)
    plates = [MapSource(each, None, about(n), scale=scale) for n, each in enumerate(values)]
    plates[2] = MapSource(values[2], None, about(2))  # on its own scale, as any other map
    alone = [MapSource(each, None, about(n)) for n, each in enumerate(values)]
    drawn, fixed = list(draw_pictures(plates, Style())), Style(limit=4.0, signed=True)
    expected = [draw_all([each], fixed)[0].png for each in alone]
    expected[2] = draw_all([alone[2]], Style())[0].png
    assert drawn == [{".png": png} for png in expected]


def work(side, map_side=None, many=False, target=AUTO):
    samples = Samples({"x": np.zeros((1, side, side, 3), np.float32)}, many=many)
    values = {"x": np.zeros((1, map_side or side, map_side or side, 3), np.float32)}
    item_map = ItemMap(SimpleNamespace(name="a"), MapSpec("m", "m", target, "."), MapFiles("a"))
    return MapTask(LoadedItem(None, samples, ()), item_map, "", [SimpleNamespace(values=values)])


def test_maps_of_top_classes_are_finished_together_whatever_their_size():
    ranked = parse_target("top:3").split_ranks()
    assert sizes([work(256, target=target) for target in ranked]) == [3]
    assert sizes([work(8, many=True, target=target) for target in ranked]) == [3]
    assert sizes([work(256, target=target) for target in (AUTO, *ranked, AUTO)]) == [1, 3, 1]
    heads = [*parse_target("a/top:2").split_ranks(), *parse_target("b/top:2").split_ranks()]
    assert sizes([work(256, target=target) for target in heads]) == [2, 2]


def sizes(works):
    groups = list(group_tasks(works))
    assert [task for share in groups for task in share] == works
    return [len(share) for share in groups]


def test_small_maps_are_finished_together():
    assert sizes([work(64)] * 20) == [16, 4]
    assert sizes([work(256)] * 3) == [1, 1, 1]
    assert sizes([work(256, map_side=7)] * 3) == [1, 1, 1]
    assert sizes([work(8, many=True)] * 3) == [1, 1, 1]
    assert sizes([]) == []
