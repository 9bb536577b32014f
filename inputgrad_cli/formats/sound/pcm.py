"""WAV files of whole numbers (PCM), by Python's own reader."""

from __future__ import annotations

import io
import wave

import numpy as np

from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import Array

PCM, EXTENSIBLE = b"\x01\x00", b"\xfe\xff"  # the two tags under which PCM is written
TAG, SUBTAG = 8, 32  # where the tags stand, from the beginning of the chunk `fmt `
WIDTHS = (1, 2, 3, 4)  # bytes of a value
LEAST = 40  # bytes of a chunk `fmt ` that is extensible, its frame left out
HEAD = 12  # bytes before the first chunk


def read_pcm(data: bytes, where: str) -> tuple[Array, int] | None:
    """Return float32 (T, channels) in -1..1 and the sample rate, None where this is no plain PCM.

    Raises ItemError (kinds `unreadable`, `empty`).
    """
    plain = _untagged(data)
    if plain is None:
        return None
    try:
        with wave.open(io.BytesIO(plain)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
            promised = file.getnframes() * width * channels
    except (wave.Error, EOFError, OSError, ValueError, RuntimeError) as error:
        reason = str(error) or "it ends too early"
        raise ItemError(f"{where}: a damaged sound", reason=reason, kind="unreadable") from None
    if width not in WIDTHS:
        raise ItemError(
            f"{where}: {8 * width} bits a value",
            reason="PCM of 8 to 32 bits and float are read",
            kind="unreadable",
        )
    frame = width * channels
    whole = len(raw) // frame * frame
    # A program that writes into a pipe cannot know the length, and promises the most there is.
    if len(raw) < promised and promised < (1 << 32) - (1 << 16):
        raise ItemError(
            f"{where}: the sound is cut off",
            reason=f"it promises {promised} bytes of sound, {len(raw)} are there",
            kind="unreadable",
        )
    if not whole:
        raise ItemError(f"{where}: holds no sound", kind="empty")
    return _values(raw[:whole], width).reshape(-1, channels), rate


def _untagged(data: bytes) -> bytes | None:
    """Return the file with the plain tag of PCM, None where it holds something else.

    Files of 24 bits or many channels are often tagged as extensible, which Python 3.11 refuses.
    """
    if data[:4] != b"RIFF":
        return None
    at = _format_at(data)
    if at is None:
        return None
    tag = data[at + TAG : at + TAG + 2]
    if tag == EXTENSIBLE and int.from_bytes(data[at + 4 : at + 8], "little") >= LEAST:
        if data[at + SUBTAG : at + SUBTAG + 2] != PCM:
            return None
        return data[: at + TAG] + PCM + data[at + TAG + 2 :]
    return data if tag == PCM else None


def _format_at(data: bytes) -> int | None:
    """Return where the chunk `fmt ` begins."""
    at = HEAD
    while at + 8 <= len(data):
        if data[at : at + 4] == b"fmt ":
            return at
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2  # chunks begin at even places
    return None


def _values(raw: bytes, width: int) -> Array:
    """Return whole numbers of 1 to 4 bytes as float32 in -1..1; those of one byte have no sign."""
    if width == 1:
        return np.asarray((np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128, np.float32)
    if width == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return np.asarray(wide.view("<i4")[:, 0] / 2**31, np.float32)
    whole = np.frombuffer(raw, f"<i{width}")
    return np.asarray(whole / 2 ** (8 * width - 1), np.float32)
