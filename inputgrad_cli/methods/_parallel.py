"""Runs several chunks of probes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.prefetch import prefetch

T = TypeVar("T")


def map_chunks(
    engine: Engine,
    chunks: Iterable[tuple[Indices, Indices]],
    compute: Callable[[Indices, Indices], T],
    *,
    parallel: bool,
) -> Iterator[tuple[Indices, Indices, T]]:
    """Yield the rows and indices of every chunk with the result of `compute`, in order.

    With `parallel`, as many chunks are computed at a time as the engine has `parallel_calls`.
    Therefore `compute` must not change shared state.
    """

    def compute_chunk(chunk: tuple[Indices, Indices]) -> tuple[Indices, Indices, T]:
        return (*chunk, compute(*chunk))

    # One chunk more than threads is in progress, so that no thread waits for the next.
    threads = engine.parallel_calls if parallel else 0
    return prefetch(compute_chunk, chunks, threads, threads + 1)
