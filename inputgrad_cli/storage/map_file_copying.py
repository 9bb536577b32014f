"""Copies the files of a map from one run's directory into another."""

from __future__ import annotations

import os

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.formats.streaming.hash_checked_file import HashedFile
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.storage.atomic_write import refuse_links, write_atomically
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.safe_run_paths import build_foreign_error, check_file, find_file


def copy_map_files(stored: StoredMap, destination: RunDirectory) -> None:
    """Copy the files of a map to the destination; UsageError if one was changed or is missing."""
    out = stored.directory.out
    hint = f"run `inputgrad verify {out}`, then the same call again"
    for file in stored.line.get("files", ()):
        name = decode_name(file, "path")
        try:
            check_file(out, name)
            # Its blocks are hashed again while they are copied, in case the file changes meanwhile.
            data = HashedFile(out / name)
            if data.sha256 != file["sha256"]:
                raise ItemError(f"{out / name}: its content is not what was written")
            if _should_copy(name, data, destination):
                write_atomically(destination.out / name, data.copy_to)
        except OSError as error:
            raise UsageError(
                f"{out / name}: cannot be read", reason=str(error.strerror), hint=hint
            ) from None
        except ItemError as error:
            raise UsageError(error.format_line().rstrip("."), hint=hint) from None


def _should_copy(name: str, data: HashedFile, destination: RunDirectory) -> bool:
    """Return whether a file must be copied; UsageError if a foreign file has its path."""
    path = destination.out / name
    try:
        refuse_links(destination.out, name)
        # Merging again copies nothing, and nor do the shards of the destination itself.
        if find_file(destination.out, name) and compute_sha256(path) == data.sha256:
            return False
        if os.path.lexists(path) and not destination.journal.own_files.is_own_file(name):
            raise build_foreign_error(path)
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from None
    return True
