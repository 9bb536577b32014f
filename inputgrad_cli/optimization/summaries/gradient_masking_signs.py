"""Signs that gradients are masked, so that a model looks more robust than it is.

Athalye et al., arXiv:1802.00420; Carlini et al., arXiv:1902.06705.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inputgrad_cli.optimization.summaries.run_summary import FAILED, SearchSummary

ONE_STEP = "fgsm"
LARGE_RADIUS = 0.5  # of the range of pixels: any picture can become a grey one within it
MIN_ZERO_SHARE = 0.05  # of searches, below which zero gradients do not matter


def yield_masking_signs(summaries: Sequence[SearchSummary]) -> Iterator[tuple[str, str]]:
    """Yield the code of each sign, and what it means in a sentence."""
    attacks = [summary for summary in summaries if summary.leaves_class]
    for summary in attacks:
        yield from _check_zero_gradients(summary)
        yield from _check_large_radius(summary)
    by_reach: dict[object, dict[str, SearchSummary]] = {}
    for summary in attacks:
        key = (summary.target, summary.norm, summary.radii)
        by_reach.setdefault(key, {})[summary.goal] = summary
    for group in by_reach.values():
        yield from _compare_steps(group)


def _check_zero_gradients(summary: SearchSummary) -> Iterator[tuple[str, str]]:
    share = summary.zero_gradients
    if share.count and share.value >= MIN_ZERO_SHARE:
        yield (
            "masked-zero-gradients",
            f"{summary.name}: {share.count} of {share.total} searches ended at a gradient of zero; "
            "the model may be less robust than they show",
        )


def _check_large_radius(summary: SearchSummary) -> Iterator[tuple[str, str]]:
    largest = max(summary.radii, default=0.0)
    is_large = summary.in_pixels and summary.norm == "inf" and largest >= LARGE_RADIUS
    if is_large and summary.counts[FAILED]:
        yield (
            "masked-large-radius",
            f"{summary.name}: {summary.counts[FAILED]} inputs are still right at eps={largest:g}, "
            "where any picture can become grey; the gradients mislead the search",
        )


def _compare_steps(group: Mapping[str, SearchSummary]) -> Iterator[tuple[str, str]]:
    """Compare goals of many steps with the goal of one step, of the same radii."""
    single = group.get(ONE_STEP)
    for name, summary in group.items():
        if single is None or name == ONE_STEP:
            continue
        if summary.counts[FAILED] > single.counts[FAILED]:
            yield (
                "masked-steps",
                f"{summary.name} leaves {summary.counts[FAILED]} inputs right, and {single.name} "
                f"with its single step {single.counts[FAILED]}; the gradients mislead the search",
            )
