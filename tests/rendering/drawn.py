"""Sources of pictures for tests, and the pixels that kinds draw of them."""

import io
import json

import numpy as np
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.rendering import choose_picture

CAPTION = {"method": "gradient", "target": "auto", "space": "logit", "score": 1.5, "label": "up"}
CAPTION |= {"quantity": "logit per unit of input"}
GREEN = (0, 255, 0)


def build_source(values, subject, view=None, **caption):
    """Return the source of a picture; `view` are the fields of its SampleView."""
    seen = SampleView(**(view or {}))
    about = Caption(**CAPTION | caption)
    return MapSource(np.asarray(values, "f4"), None, about, subject=subject, view=seen)


def draw(source, **style):
    """Return the drawing of one source, in a style of these fields."""
    (drawing,) = choose_picture(Style(**style), source.layout).draw([source], Style(**style))
    return drawing


def read_pixels(drawing):
    """Return the pixels (H, W, 3) of a drawing."""
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return np.asarray(picture)


def read_facts(drawing):
    """Return what the file says of itself."""
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return json.loads(picture.text["inputgrad"])
