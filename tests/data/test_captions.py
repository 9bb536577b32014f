"""A caption names a class only where the model has classes, and the unit of any other output."""

from types import SimpleNamespace

import pytest

from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.sample_record import SampleRecord


def describe_unit(**fields):
    """Return the caption's words for a sample whose target is one unit of an output."""
    given = {"asked": "auto", "space": "logit", "output": "y", "index": [3], "score": 1.5}
    sample = SampleRecord(checks={"finite": True, "zero": False}, **{**given, **fields})
    record = SimpleNamespace(
        get_sample=lambda row: sample,
        method={"label": "gradient"},
        reduce="sum",
        quantity="{space}",
        sign="signed",
        copied=(),
        many=False,
    )
    return build_caption(record, "x", 0).format_class()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"label": "cat", "probability": 0.982}, "cat, 98.2 %"),
        ({"probability": 0.5}, "class 3, 50.0 %"),
        ({"asked": "class:3"}, "class 3"),
        ({"space": "output"}, "y[3]"),
        ({"space": "output", "index": [0]}, "y[0]"),
        ({"asked": "unit:1,2,3", "index": [1, 2, 3]}, "unit:1,2,3"),
        ({"asked": "mean", "index": None}, "mean"),
        ({"asked": "margin:1,3", "index": [[1], [3]]}, "margin:1,3"),
        ({"asked": 'class:"margin:x"', "space": "output"}, "class 3"),
        (
            {"asked": "mask:at/home/06-cross.png,class=1", "index": None},
            "class 1, mean over the mask 06-cross.png",
        ),
        ({"asked": "mask:06-cross.png", "index": None}, "mean over the mask 06-cross.png"),
        (
            {"asked": "mask:at/06-cross.png,class=1", "index": None, "label": "shape"},
            "class shape, mean over the mask 06-cross.png",
        ),
    ],
)
def test_what_is_no_class_is_not_called_so(fields, words):
    assert describe_unit(**fields) == words
