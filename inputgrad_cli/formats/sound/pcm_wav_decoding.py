"""Decodes WAV files of integers (PCM) with the `wave` module of the standard library."""

from __future__ import annotations

import io
import wave

import numpy as np

from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import Array

PCM, EXTENSIBLE = b"\x01\x00", b"\xfe\xff"  # the two format tags that PCM files have
TAG_OFFSET, SUBTAG_OFFSET = 8, 32  # byte offsets of the tags from the start of the `fmt ` chunk
SAMPLE_BYTES = (1, 2, 3, 4)  # bytes of a value
MIN_EXTENSIBLE_BYTES = 40  # bytes of an extensible `fmt ` chunk, without its header
RIFF_HEADER_BYTES = 12  # bytes before the first chunk


def read_pcm(data: bytes, where: str) -> tuple[Array, int] | None:
    """Return float32 (T, channels) in -1..1 and the sample rate in Hz, or None if it is not PCM.

    Raises ItemError (kinds `unreadable`, `empty`).
    """
    pcm = _to_plain_pcm(data)
    if pcm is None:
        return None
    try:
        with wave.open(io.BytesIO(pcm)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
            promised = file.getnframes() * width * channels
    except (wave.Error, EOFError, OSError, ValueError, RuntimeError) as error:
        reason = str(error) or "it ends too early"
        raise ItemError(f"{where}: a damaged sound", reason=reason, kind="unreadable") from None
    if width not in SAMPLE_BYTES:
        raise ItemError(
            f"{where}: {8 * width} bits a value",
            reason="PCM of 8 to 32 bits and float are read",
            kind="unreadable",
        )
    frame_bytes = width * channels
    complete_bytes = len(raw) // frame_bytes * frame_bytes
    # A program that writes to a pipe does not know the length and stores nearly the maximum.
    if len(raw) < promised and promised < (1 << 32) - (1 << 16):
        raise ItemError(
            f"{where}: the sound is cut off",
            reason=f"it promises {promised} bytes of sound, {len(raw)} are there",
            kind="unreadable",
        )
    if not complete_bytes:
        raise ItemError(f"{where}: holds no sound", kind="empty")
    return _decode_values(raw[:complete_bytes], width).reshape(-1, channels), rate


def _to_plain_pcm(data: bytes) -> bytes | None:
    """Return the file with the plain PCM tag, or None if it holds another encoding.

    Files of 24 bits or many channels often have the extensible tag, which Python 3.11 refuses.
    """
    if data[:4] != b"RIFF":
        return None
    offset = _find_format_chunk(data)
    if offset is None:
        return None
    tag = data[offset + TAG_OFFSET : offset + TAG_OFFSET + 2]
    if (
        tag == EXTENSIBLE
        and int.from_bytes(data[offset + 4 : offset + 8], "little") >= MIN_EXTENSIBLE_BYTES
    ):
        if data[offset + SUBTAG_OFFSET : offset + SUBTAG_OFFSET + 2] != PCM:
            return None
        return data[: offset + TAG_OFFSET] + PCM + data[offset + TAG_OFFSET + 2 :]
    return data if tag == PCM else None


def _find_format_chunk(data: bytes) -> int | None:
    """Return the byte offset of the `fmt ` chunk, or None if there is none."""
    offset = RIFF_HEADER_BYTES
    # A chunk begins with its name and its size, 4 bytes each.
    while offset + 8 <= len(data):
        if data[offset : offset + 4] == b"fmt ":
            return offset
        size = int.from_bytes(data[offset + 4 : offset + 8], "little")
        offset += 8 + size + size % 2  # chunks begin at even offsets
    return None


def _decode_values(raw: bytes, width: int) -> Array:
    """Return integers of 1 to 4 bytes as float32 in -1..1; those of 1 byte are unsigned."""
    if width == 1:
        return np.asarray((np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128, np.float32)
    if width == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        # As the upper bytes of 32 bits, the values keep their sign.
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return np.asarray(wide.view("<i4")[:, 0] / 2**31, np.float32)
    integers = np.frombuffer(raw, f"<i{width}")
    return np.asarray(integers / 2 ** (8 * width - 1), np.float32)
