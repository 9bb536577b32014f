"""Values of a class speak for or against it; those of a loss raise or lower it."""

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.data.pictures.caption import LOSS_SIDES, SIDES
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.python_api.attribution_result import Attribution
from inputgrad_cli.rendering.canvas import Canvas

LOSS = "loss:reconstruction"
SHAPES = {
    "bars": (6,),
    "signal": (40, 3),
    "panel": (8, 8, 3),
    "volume": (6, 8, 8, 1),
    "strip": (2, 3, 2, 3, 2),
    "logo": (20, 4),
    "text": (5, 3),
}


def explain(shape, asked, kind):
    fields = {"tokens": {"x": ["a", "bad", "film", "was", "this"]}} if kind == "text" else {}
    metadata = {
        "schema": 1,
        "many": False,
        "method": {"name": "integrated-gradients", "label": "ig", "parameters": {}},
        "target": {"asked": asked, "output": "y", "index": [3], "label": None},
        "space": "output",
        "score": 2.5,
        "checks": {"finite": True, "zero": False},
        "reduce": "sum",
        "sign": "signed",
        "model": {"sha256": "0" * 64},
        **fields,
    }
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return Attribution({"x": values}, metadata)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_loss_is_raised_or_lowered_and_nothing_speaks_for_it(kind, monkeypatch):
    texts, write = [], Canvas.write

    def keep(canvas, point, text, *args, **kwargs):
        texts.append(text)
        return write(canvas, point, text, *args, **kwargs)

    monkeypatch.setattr(Canvas, "write", keep)

    def draw(asked):
        texts.clear()
        api.render(explain(SHAPES[kind], asked, kind), style=Style(kind=kind))
        return " ".join(texts)

    of_class, of_loss = draw("class:3"), draw(LOSS)
    assert all(word in of_class.split() for word in SIDES)
    assert all(words in of_loss for words in LOSS_SIDES)
    assert not any(word in of_loss.split() for word in SIDES)
