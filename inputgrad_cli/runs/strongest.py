"""Finds the parts of an input with the largest attributions, for the line of an item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.rendering.text.tokens import build_passage, rank_tokens
from inputgrad_cli.runs.token_tables import list_text_sites, read_token_values

MAX_PARTS = 3  # in the line of an item


def find_strongest(recorded: RecordedMap, row: int) -> Sequence[tuple[str, float]]:
    """Return the tokens of one sample of a text with the largest magnitudes, and their values.

    Padding and zeros are left out; what is not finite comes first.
    """
    tokens = [
        token
        for site in list_text_sites(recorded)
        for token in build_passage(*read_token_values(recorded, site, row)).tokens
        if token.value != 0
    ]
    order = rank_tokens(np.array([token.value for token in tokens], np.float64))
    return [(tokens[i].text, tokens[i].value) for i in order[:MAX_PARTS]]
