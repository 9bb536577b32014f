"""The subject of a map follows from its shape and from what its file says."""

import pytest

from inputgrad_cli.data.pictures.input_modality import SUBJECTS, MapFacts, choose_subject


@pytest.mark.parametrize(
    ("facts", "subject"),
    [
        (MapFacts((32, 32, 3)), "image"),
        (MapFacts((7, 7, 512)), "image"),
        (MapFacts((12,)), "row"),
        (MapFacts(()), "row"),
        (MapFacts((4000,), is_table=True), "row"),
        (MapFacts((4000,)), "signal"),
        (MapFacts((128, 6)), "signal"),
        (MapFacts((16000, 1), has_rate=True), "sound"),
        (MapFacts((40, 64), has_tokens=True), "text"),
        (MapFacts((8, 8, 64), has_tokens=True), "image"),
        (MapFacts((16, 32, 32, 1)), "volume"),
        (MapFacts((16, 32, 32, 3), has_frames=True), "video"),
        (MapFacts((2, 3, 4, 5, 6)), "strip"),
    ],
)
def test_the_subject_of_a_map(facts, subject):
    assert choose_subject(facts) == subject


def test_every_shape_has_a_subject():
    for axes in range(9):
        assert choose_subject(MapFacts((3,) * axes)) in SUBJECTS
