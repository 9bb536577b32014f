"""What maps are shown as: the words, and that a style keeps them through its record."""

import json

import pytest

from inputgrad_cli.data.pictures.input_modality import SUBJECTS, to_subject
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.option_choices import SHOWN
from inputgrad_cli.runs.planning.input_display_kind_checks import can_show, refuse_unfit_kinds
from inputgrad_cli.schema.journal_line import StyleRecord
from inputgrad_cli.schema.json_type_checks import get_check
from inputgrad_cli.storage.stored_picture_style import read_style


def test_every_word_is_a_subject():
    assert {to_subject(kind) for kind in SHOWN} == set(SUBJECTS)


def test_a_style_keeps_what_inputs_are_shown_as():
    style = Style(show=(("a", "signal"), ("layer:x/y", "strip")))
    record = json.loads(json.dumps(style.record()))
    assert record == style.record() == {"show": {"a": "signal", "layer:x/y": "strip"}}
    assert not get_check(StyleRecord)(record)
    assert read_style({"style": record}, None) == style
    assert read_style({"style": {}}, None) == Style()


@pytest.mark.parametrize("shown", [{"a": "film"}, {"a": 3}, ["a"], "signal"])
def test_a_record_of_other_words_is_refused(shown):
    assert get_check(StyleRecord)({"show": shown})


@pytest.mark.parametrize(
    ("shape", "fits", "not_fits"),
    [
        ((64, 4), ("signal", "sound", "spectrogram", "strip"), ("volume", "video", "image")),
        ((16, 32, 32, 1), ("volume", "video", "signal", "strip"), ("image", "spectrogram")),
        ((None, 40), ("signal", "spectrogram"), ("volume",)),
        ((32, 32, 3), ("image", "spectrogram", "volume", "strip"), ()),
    ],
)
def test_what_fits_a_shape(shape, fits, not_fits):
    spec = InputSpec("x", shape)
    assert all(can_show(spec, kind) for kind in fits)
    assert not any(can_show(spec, kind) for kind in not_fits)


def test_what_cannot_be_shown_is_refused_with_what_can():
    specs = [InputSpec("x", (64, 4)), InputSpec("ids", (9,), "int32")]
    refuse_unfit_kinds((("x", "signal"), ("ids", "volume"), ("layer:a", "image")), specs)
    with pytest.raises(UsageError, match="has no input 'y'") as error:
        refuse_unfit_kinds((("y", "signal"),), specs)
    assert "x, ids" in error.value.hint
    with pytest.raises(UsageError, match="no picture of this kind fits input x") as error:
        refuse_unfit_kinds((("x", "volume"),), specs)
    assert "signal" in error.value.hint
