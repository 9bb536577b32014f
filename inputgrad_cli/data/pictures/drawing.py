"""A picture that was drawn: its bytes, and the scale of its colours."""

from __future__ import annotations

import base64
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.errors import UsageError


@dataclass(frozen=True, repr=False)
class Drawing:
    """A PNG file with its scale; `flat` is true if its map is zero everywhere.

    `extras` are the files beside it by their endings, such as `.html` for the page of a text.
    `html` is what a notebook shows instead of the PNG, if it is not empty.
    """

    png: bytes
    scale: Scale
    flat: bool
    extras: Mapping[str, bytes] = field(default_factory=dict)
    html: str = ""

    def __repr__(self) -> str:
        endings = "".join(f", {ending}" for ending in self.extras)
        limits = f"{self.scale.low:.3g} to {self.scale.limit:.3g}"
        return f"<Drawing {limits}: .png of {len(self.png):,} bytes{endings}>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows."""
        return self.build_bundle()

    def build_bundle(self) -> dict[str, str]:
        """Return the drawing by MIME type, the bytes of the PNG in base64."""
        bundle = {"text/plain": repr(self), "image/png": base64.b64encode(self.png).decode()}
        return {**bundle, "text/html": self.html} if self.html else bundle

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file of this ending: `.png`, or one of `extras`. UsageError, OSError."""
        files = {".png": self.png, **self.extras}
        ending = Path(path).suffix
        if ending not in files:
            raise UsageError(
                f"{path}: the picture has no file of this kind",
                hint=f"end its name in {' or '.join(files)}",
            )
        Path(path).write_bytes(files[ending])
