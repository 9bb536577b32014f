"""What pictures of texts and sequences take of a processor, as ratios to what they may take."""

import time

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.rendering import choose_picture

LIMIT = 0.05  # seconds, so that a hundred texts take no longer than a model takes to open
TOKENS, EMBEDDING, PLACES = 200, 64, 60
REPEATS = 10


def texts(rounds):
    """Return pairs of seconds: of a text with its page, and what it may take."""
    rng = np.random.default_rng(0)
    words = [f"word{index}" for index in rng.integers(0, 80, TOKENS)]
    values = rng.normal(size=(TOKENS, EMBEDDING)).astype(np.float32)
    return compare(values, SampleView(tokens=words), "text", rounds)


def logos(rounds):
    """Return pairs of seconds: of a sequence as a logo, and what it may take."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(PLACES, 4)).astype(np.float32)
    return compare(values, SampleView(np.eye(4)[rng.integers(0, 4, PLACES)]), "logo", rounds)


def compare(values, view, subject, rounds):
    """Return pairs of seconds: of a picture, and what it may take."""
    caption = Caption("integrated-gradients", "auto", "logit", 1.0, "praise", quantity="logit")
    source = MapSource(values, None, caption, subject=subject, view=view)
    picture = choose_picture(Style(), source.layout)
    picture.draw([source], Style())  # loads the font
    return [(seconds(picture, source), LIMIT) for _ in range(rounds)]


def seconds(picture, source):
    """Return how long one of several pictures takes."""
    began = time.process_time()
    picture.draw([source] * REPEATS, Style())
    return (time.process_time() - began) / REPEATS
