"""How long pictures of rows of tables take, as ratios to the time that they may take."""

import time

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.rendering.tabular.bars import Bars

LIMIT = 0.05  # seconds, so that a hundred rows take no longer than a model takes to open
COLUMNS, REPEATS = 20, 10


def bars(rounds):
    """Return pairs of seconds: of a row as bars, and what it may take."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=COLUMNS).astype(np.float32)
    names = [f"column number {index}" for index in range(COLUMNS)]
    view = SampleView(rng.normal(size=COLUMNS), names)
    caption = Caption("gradient", "auto", "logit", 1.0, "class 3", quantity="logit")
    source = MapSource(values, None, caption, subject="row", view=view)
    Bars().draw([source], Style())  # loads the font
    return [(seconds(source), LIMIT) for _ in range(rounds)]


def seconds(source):
    """Return how long one of several pictures takes."""
    began = time.perf_counter()
    Bars().draw([source] * REPEATS, Style())
    return (time.perf_counter() - began) / REPEATS
