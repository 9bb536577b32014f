"""Chunks of probes asked about while others are made ready and others still are summed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.prefetch import prefetch

T = TypeVar("T")


def overlapped(
    engine: Engine, chunks: Iterable[tuple[Rows, Rows]], ask: Callable[[Rows, Rows], T]
) -> Iterator[tuple[Rows, Rows, T]]:
    """Yield every chunk, rows and numbers of its probes, with what `ask` gives for it, in order.

    As many are asked about at a time as the engine has lanes, so `ask` must change nothing.
    """

    def asked(chunk: tuple[Rows, Rows]) -> tuple[Rows, Rows, T]:
        return (*chunk, ask(*chunk))

    return prefetch(asked, chunks, engine.lanes, engine.lanes + 1)
