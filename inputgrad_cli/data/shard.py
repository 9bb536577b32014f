"""One of the parts in which a run can be computed, on one machine or on several."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """The shard with index `number`, counted from 0, of a run with `of` shards."""

    number: int
    of: int

    def __str__(self) -> str:
        """Return the shard as `--shard` takes it, for example `0/4`."""
        return f"{self.number}/{self.of}"

    @property
    def tag(self) -> str:
        """Return the tag in the names of its records, for example `.0-of-4`."""
        return f".{self.number}-of-{self.of}"

    def has_item(self, name: str) -> bool:
        """Return whether an item belongs to the shard; the answer is the same on every machine."""
        import hashlib  # loads OpenSSL, for which --help need not wait

        # Not hash(), which gives the same text another value in every process.
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number
