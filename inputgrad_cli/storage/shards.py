"""A share of a run: which items it does, and what its own records are called."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.schema.limits import MAX_SHARDS

TAG = r"((?:\.[0-9]+-of-[0-9]+)?)"  # the end of a record's name; nothing where a run is not shared


@dataclass(frozen=True)
class Shard:
    """Share `number`, from 0, of `of`."""

    number: int
    of: int

    @property
    def tag(self) -> str:
        """Return the mark in the names of its records: `run.0-of-4.json`."""
        return f".{self.number}-of-{self.of}"

    def holds(self, name: str) -> bool:
        """Return whether the item of this name is its own: the same on every machine."""
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number


def tag_of(shard: Shard | None) -> str:
    """Return the mark in the names of a run's records."""
    return shard.tag if shard else ""


def shard_of(tag: str) -> Shard | None:
    """Return the share that a mark stands for, None for the whole."""
    if not tag:
        return None
    number, _, of = tag[1:].partition("-of-")
    return Shard(int(number), int(of))


def tags_in(out: Path, before: str, after: str) -> list[str]:
    """Return the marks of the records `<before><mark><after>` of a run, that of the whole first."""
    pattern = re.compile(re.escape(before) + TAG + re.escape(after))
    try:
        found = [pattern.fullmatch(name) for name in os.listdir(out)]
    except OSError:
        return []
    tags = [match[1] for match in found if match and is_tag(match[1])]
    return sorted(tags, key=lambda tag: [int(n) for n in re.findall(r"\d+", tag)][::-1])


def is_tag(tag: str) -> bool:
    """Return whether a mark stands for the whole, or for a share that there can be."""
    shard = shard_of(tag)
    return shard is None or (shard.number < shard.of <= MAX_SHARDS and shard.tag == tag)
