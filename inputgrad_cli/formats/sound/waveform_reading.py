"""Reads sound files as waveforms in -1..1, which are never mixed, cut or resampled."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.sound.pcm_wav_decoding import read_pcm
from inputgrad_cli.numeric.array_helpers import Array, format_shape

MIN_LENGTH = 256  # values; a shorter vector is hardly a sound
UNKNOWN_SIZE = 0xFFFFFFFF  # stored by programs that do not know the size yet
ENCODINGS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


def is_sound_input(spec: InputSpec) -> bool:
    """Return whether the input has the shape of a waveform, (T,) or (T, channels)."""
    if spec.shape is None or spec.kind != "float" or len(spec.shape) not in (1, 2):
        return False
    length = spec.shape[0]
    few = len(spec.shape) == 1 or spec.shape[1] in (1, 2)
    return few and (length is None or length >= MIN_LENGTH)


def read_sound(data: bytes, spec: InputSpec, where: str) -> tuple[Array, int]:
    """Return float32 values in -1..1 in the shape of the input, and the sample rate in Hz.

    Raises ItemError (kinds `unreadable`, `extra`, `channels`, `shape`).
    """
    values, rate = _decode(data, where)
    shape = spec.shape
    if shape is None or len(shape) not in (1, 2) or spec.kind != "float":
        raise ItemError(f"{where}: a sound does not fit input {spec}", kind="shape")
    channels = values.shape[1]
    wanted = 1 if len(shape) == 1 else shape[1]
    if wanted is not None and channels != wanted:
        raise ItemError(
            f"{where}: {channels} channels, input {spec.name!r} takes {wanted}",
            reason="channels are never mixed",
            kind="channels",
        )
    if shape[0] is not None and len(values) != shape[0]:
        raise ItemError(
            f"{where}: {len(values)} values a channel, input {spec.name!r} "
            f"takes {format_shape(shape)}",
            reason=f"at {rate} Hz; a sound is never cut or resampled",
            hint="bring it to the model's length first",
            kind="shape",
        )
    return (values[:, 0] if len(shape) == 1 else values), rate


def _decode(data: bytes, where: str) -> tuple[Array, int]:
    """Return the values, (T, channels), and the sample rate in Hz."""
    _refuse_other_formats(data, where)
    if (decoded := read_pcm(data, where)) is not None:
        return decoded
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package is installed, but its C library is not
        raise ItemError(
            f"{where}: not plain PCM; such sounds are read by soundfile, which is not installed",
            hint="pip install 'inputgrad-cli[audio]'",
            kind="extra",
        ) from None
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _refuse_encoding(file.subtype, where)
            if file.frames * file.channels > len(data):  # a value takes at least one byte
                raise ValueError("it promises more values than it has bytes")
            values = file.read(dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except (soundfile.SoundFileError, ValueError, OSError) as error:
        reason = str(error).split(": ")[-1]  # without the address of the BytesIO object
        raise ItemError(f"{where}: a damaged sound", reason=reason, kind="unreadable") from None
    if not len(values):
        raise ItemError(f"{where}: holds no sound", kind="empty")
    return np.asarray(values, np.float32), rate


def _refuse_other_formats(data: bytes, where: str) -> None:
    """Raise ItemError unless this is a complete WAV file.

    libsndfile would open two dozen other formats as well.
    """
    if data[:4] not in (b"RIFF", b"RIFX", b"RF64") or data[8:12] != b"WAVE":
        reason = "the file is empty" if not data else "it does not begin as one does"
        raise ItemError(f"{where}: not a WAV file", reason=reason, kind="unreadable")
    order: Literal["little", "big"] = "big" if data[:4] == b"RIFX" else "little"
    size = int.from_bytes(data[4:8], order)
    # The size leaves out the first 8 bytes; the padding byte at the end may be missing.
    if size != UNKNOWN_SIZE and size + 8 > len(data) + 1:
        raise ItemError(
            f"{where}: the sound is cut off",
            reason=f"it promises {size + 8} bytes, {len(data)} are there",
            kind="unreadable",
        )


def _refuse_encoding(encoding: str, where: str) -> None:
    if encoding not in ENCODINGS:
        raise ItemError(
            f"{where}: encoded as {encoding}",
            reason="PCM of 8 to 32 bits and float are read",
            kind="unreadable",
        )
