"""Plain PCM is read without an extra, and as the extra reads it."""

import io
import sys
import wave

import numpy as np
import pytest
import soundfile

from inputgrad_cli.errors import ItemError

from . import port, read

SOUND = np.random.default_rng(0).uniform(-1, 1, (300, 2))
ENCODINGS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")


def written(encoding, kind="WAV", values=SOUND):
    out = io.BytesIO()
    soundfile.write(out, values, 8000, format=kind, subtype=encoding)
    return out.getvalue()


@pytest.fixture
def without_soundfile(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)


@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pcm_is_read_as_the_extra_reads_it(encoding, kind, without_soundfile):
    data = written(encoding, kind)
    samples = read("a.wav", data, port((300, 2)))
    wanted, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    np.testing.assert_array_equal(samples.arrays["x"][0], wanted)
    assert samples.record["sample_rate"] == {"x": 8000}


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_what_python_writes_is_read_at_its_limits(width, without_soundfile):
    top = 2 ** (8 * width - 1)
    numbers = [-top, top - 1, 0]
    raw = [
        (n + 128 if width == 1 else n).to_bytes(width, "little", signed=width > 1) for n in numbers
    ]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(44100)
        file.writeframes(b"".join(raw))
    array = read("a.wav", out.getvalue(), port((3,))).arrays["x"][0]
    np.testing.assert_allclose(array, np.array(numbers) / top, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["FLOAT", "ULAW", "IMA_ADPCM"])
def test_other_encodings_name_the_extra(encoding, without_soundfile):
    with pytest.raises(ItemError, match=r"not plain PCM.*inputgrad-cli\[audio\]") as error:
        read("a.wav", written(encoding), port((300, 2)))
    assert error.value.kind == "extra"


def test_a_length_that_was_not_known_is_what_is_there(without_soundfile):
    data = bytearray(written("PCM_16"))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    assert read("a.wav", bytes(data), port((300, 2))).arrays["x"].shape == (1, 300, 2)


def test_every_cut_is_one_sentence(without_soundfile):
    data = written("PCM_24", "WAVEX")
    for end in range(0, len(data), 7):
        with pytest.raises(ItemError):
            read("a.wav", data[:end], port((300, 2)))
        cut = data[:4] + (max(end, 8) - 8).to_bytes(4, "little") + data[8:end]
        with pytest.raises(ItemError):
            read("a.wav", cut, port((300, 2)))


@pytest.mark.parametrize("bits", [0, 40, 48, 64])
def test_other_numbers_of_bits_are_one_sentence(bits, without_soundfile):
    data = bytearray(written("PCM_16"))
    data[34:36] = bits.to_bytes(2, "little")
    with pytest.raises(ItemError):
        read("a.wav", bytes(data), port((300, 2)))
