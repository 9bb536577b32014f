"""The file by which the processes of a cluster know the run that they work for.

It stands in the output directory, and holds a token and the context of the run. Who can read the
token sees the same directory as the driver. Who cannot any more stops: the run has ended, or
another one has begun, whose files it must not replace. Imports little, because workers use it too.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

TOKEN_BYTES = 32


@dataclass(frozen=True)
class SharedRun:
    """The file `path` of a run, and the token that it begins with.

    `digest` is the SHA-256 of the context behind the token. It reaches the workers through Dask,
    so that they unpickle nothing that somebody else has put into the directory.
    """

    path: Path
    token: str
    digest: str

    @staticmethod
    def create(path: Path, context: bytes) -> SharedRun:
        """Write the file; OSError."""
        token = secrets.token_hex(TOKEN_BYTES // 2)
        path.unlink(missing_ok=True)  # of a run that was killed
        with path.open("xb") as file:
            file.write(token.encode() + context)
        return SharedRun(path, token, hashlib.sha256(context).hexdigest())

    def is_current(self) -> bool:
        """Return whether the file is there and is that of this run."""
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            return file.read(TOKEN_BYTES) == self.token.encode()
        return False

    def read_context(self) -> bytes:
        """Return the context; OSError, or ValueError if it is not that of this run."""
        context = self.path.read_bytes()[TOKEN_BYTES:]
        if hashlib.sha256(context).hexdigest() != self.digest:
            raise ValueError(f"{self.path}: not the file of this run")
        return context

    def remove(self) -> None:
        """Remove the file, so that all processes of the run end."""
        with contextlib.suppress(OSError):
            if self.is_current():
                self.path.unlink()
