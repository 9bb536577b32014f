"""The names of the records of a run and of its shards."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.data.shard import Shard
from inputgrad_cli.schema.record_limits import MAX_SHARDS

TAG_PATTERN = r"((?:\.[0-9]+-of-[0-9]+)?)"  # in a record's name; empty if a run is not shared


def to_tag(shard: Shard | None) -> str:
    """Return the tag in the names of a run's records, "" if the run is not shared."""
    return shard.tag if shard else ""


def parse_tag(tag: str) -> Shard | None:
    """Return the shard of a tag, None for the complete run."""
    if not tag:
        return None
    index, _, count = tag[1:].partition("-of-")
    return Shard(int(index), int(count))


def is_tag(tag: str) -> bool:
    """Return whether a tag is that of the complete run, or of a valid shard in canonical form."""
    shard = parse_tag(tag)
    return shard is None or (shard.number < shard.of <= MAX_SHARDS and shard.tag == tag)


@dataclass(frozen=True)
class RecordFile:
    """A file that a run and each of its shards has: `<start><tag><end>` in its directory."""

    start: str
    end: str = ""

    def get_name(self, tag: str = "") -> str:
        """Return the name of the file of the shard with this tag, or of the complete run."""
        return f"{self.start}{tag}{self.end}"

    def list_tags(self, out: Path) -> list[str]:
        """Return the tags of the files of this kind in `out`, that of the complete run first."""
        pattern = re.compile(re.escape(self.start) + TAG_PATTERN + re.escape(self.end))
        try:
            matches = [pattern.fullmatch(name) for name in os.listdir(out)]
        except OSError:
            return []
        tags = [match[1] for match in matches if match and is_tag(match[1])]
        # Sorted by the count of shards, then by the index: [] of the complete run comes first.
        return sorted(tags, key=lambda tag: [int(d) for d in re.findall(r"\d+", tag)][::-1])


JOURNAL_FILE = RecordFile("journal", ".jsonl")
