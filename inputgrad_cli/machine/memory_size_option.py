"""Parses the sizes that `--max-memory` takes, and holds the advice that names it.

It is apart from `memory`, which does what the option asks for, because `--help` imports the types
of all options.
"""

from __future__ import annotations

import re

MIN_BYTES = 128 << 20  # bytes; Python and NumPy alone hold a third of it
UNIT_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
SIZE_PATTERN = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?)(?:I?B)?", re.I | re.ASCII)
MEMORY_HINT = "give more with --max-memory where the machine has it"


def parse_bytes(text: str) -> int | None:
    """Return the number of bytes that a text such as `25M` means, None if it is no size.

    K, M, G and T are powers of 1024; a bare number counts bytes.
    """
    match = SIZE_PATTERN.fullmatch(text.strip())
    return int(float(match[1]) * (1 << UNIT_SHIFTS[match[2].upper()])) if match else None


def parse_size(text: str) -> int | None:
    """Return the number of bytes that `800M` or `4G` means, None for `auto`.

    Raises ValueError with the reason.
    """
    if text == "auto":
        return None
    size = parse_bytes(text)
    if size is None:
        raise ValueError("is not a size such as 800M or 4G, or auto")
    if size < MIN_BYTES:
        raise ValueError(f"is less than {MIN_BYTES >> 20}M, which the libraries alone would need")
    return size
