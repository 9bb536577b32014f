"""Sounds: encodings, lengths, channels; nothing is ever mixed, cut or resampled."""

import io
import sys

import numpy as np
import pytest
import soundfile

from inputgrad_cli.errors import ItemError

from . import port, read

WAVE = np.linspace(-1, 0.99, 400).astype(np.float32)


def wav(values=WAVE, rate=8000, encoding="PCM_16", kind="WAV"):
    out = io.BytesIO()
    soundfile.write(out, values, rate, format=kind, subtype=encoding)
    return out.getvalue()


@pytest.mark.parametrize(
    ("encoding", "step"),
    [
        ("PCM_U8", 2**-7),
        ("PCM_16", 2**-15),
        ("PCM_24", 2**-23),
        ("PCM_32", 2**-24),
        ("FLOAT", 0),
        ("DOUBLE", 0),
    ],
)
@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
def test_every_encoding_gives_the_wave_within_its_step(encoding, step, kind):
    samples = read("a.wav", wav(encoding=encoding, kind=kind), port((400,)))
    np.testing.assert_allclose(samples.arrays["x"], WAVE[np.newaxis], atol=step)
    assert samples.arrays["x"].dtype == np.float32
    assert samples.record["sample_rate"] == {"x": 8000}
    assert not samples.many


@pytest.mark.parametrize("shape", [(400,), (400, 1), (None,), (None, 1)])
def test_one_channel_fits_waveforms(shape):
    assert read("a.wav", wav(), port(shape)).arrays["x"].shape == (1, 400, *shape[1:])


def test_two_channels_fit_two():
    both = np.stack([WAVE, -WAVE], axis=1)
    samples = read("a.wav", wav(both, encoding="FLOAT"), port((None, 2)))
    np.testing.assert_array_equal(samples.arrays["x"][0], both)
    with pytest.raises(ItemError, match="2 channels, input 'x' takes 1"):
        read("a.wav", wav(both), port((400,)))


def test_another_length_is_an_error_that_prints_both():
    with pytest.raises(ItemError, match=r"400 values a channel.*takes \(16000,\); at 8000 Hz"):
        read("a.wav", wav(), port((16000,)))


@pytest.mark.parametrize("encoding", ["ULAW", "ALAW", "MS_ADPCM"])
def test_packed_encodings_are_named_and_refused(encoding):
    with pytest.raises(ItemError, match=encoding):
        read("a.wav", wav(encoding=encoding), port((None,)))


@pytest.mark.parametrize(
    "data", [b"", b"ID3", wav()[:500], wav()[:30], wav(kind="FLAC"), wav(WAVE[:0])]
)
def test_what_is_no_whole_wav_file_is_refused(data):
    with pytest.raises(ItemError) as error:
        read("a.wav", data, port((None,)))
    assert "0x" not in str(error.value)


def test_nan_in_a_float_sound_is_refused():
    with pytest.raises(ItemError, match="NaN"):
        read("a.wav", wav(np.array([np.nan, 1], np.float32), encoding="FLOAT"), port((None,)))


@pytest.mark.parametrize(
    ("shape", "dtype"), [((4, 4, 3), "float32"), ((400,), "int32"), ((), "string")]
)
def test_a_sound_feeds_waveforms_alone(shape, dtype):
    with pytest.raises(ItemError, match="does not fit"):
        read("a.wav", wav(), port(shape, dtype))


def test_without_the_extra_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ItemError, match=r"pip install 'inputgrad-cli\[audio\]'"):
        read("a.wav", wav(encoding="FLOAT"), port((400,)))
