"""The sample models for kinds of pictures: small, safe, right, and explained by what was planted.

The name of each input is its class. The masks beside the inputs say where in them lies what makes
that class; the rest holds something as bright or as loud in every class.
"""

import csv

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api

CLASSIFIERS = ("scan", "clip", "promoter", "beep", "chirp")
LARGEST = 300_000  # bytes, with inputs and masks
LEAST_SURE = 0.8  # the probability of the class
# A map that knew nothing of the cause would have there the share that the cause has of the area,
# which is 1 % of a scan and 15 % of a sound. The networks pool the largest value of each filter, so
# that what they compare with a cause has a share as well.
LEAST_SHARE = 0.4
TIMES_THE_AREA = 3


def list_inputs(samples, name):
    return sorted((samples / "inputs" / name).glob("*.*"))


@pytest.fixture(scope="module", params=CLASSIFIERS)
def explanation(request, samples):
    """Return the name of a sample, and the attribution of each of its inputs by file."""
    name = request.param
    model = api.load(samples / f"{name}.keras")  # without trust
    paths = list_inputs(samples, name)
    maps = {path: api.explain(model, path, method="integrated-gradients") for path in paths}
    return name, maps


@pytest.mark.parametrize("name", [*CLASSIFIERS, "flats", "outline", "reviews"])
def test_a_sample_is_small(samples, name):
    files = [samples / f"{name}.keras", *samples.glob(f"{name}.labels.txt")]
    files += [*list_inputs(samples, name), *(samples / "masks" / name).glob("*")]
    assert sum(file.stat().st_size for file in files) <= LARGEST


def test_each_input_gets_the_class_of_its_name(explanation):
    name, maps = explanation
    assert len(maps) >= 2, name
    for path, attribution in maps.items():
        record = attribution.metadata
        is_class = record["target"]["label"] == path.stem.replace("-", " ")
        # A single unit is always explained as its class, however improbable that is.
        is_unit = name == "scan"
        assert is_class or is_unit, path.name
        probability = record["probability"]
        assert (probability if is_class else 1 - probability) >= LEAST_SURE, path.name


def test_most_of_the_magnitude_lies_on_what_was_planted(explanation, samples):
    name, maps = explanation
    causes = {path: samples / "masks" / name / f"{path.stem}.npy" for path in maps}
    planted = {path: np.load(file) for path, file in causes.items() if file.is_file()}
    assert planted
    for path, cause in planted.items():
        (values,) = maps[path].values.values()
        sizes = np.abs(values).reshape(*cause.shape, -1).sum(axis=-1)
        share = sizes[cause].sum() / sizes.sum()
        print(f"{path.name}: {share:.0%} of the magnitude on {cause.mean():.1%} of the input")
        assert share >= LEAST_SHARE
        assert share >= TIMES_THE_AREA * cause.mean()


def test_the_words_of_a_table_count_as_they_were_planted(samples):
    """Each word speaks for or against a class, and the floor of a flat says nothing."""
    from build_flats import DISTRICTS, WORDS

    table = samples / "inputs" / "flats" / "flats.csv"
    rows = list(csv.DictReader(table.read_text().splitlines()))
    attribution = api.explain(
        samples / "flats.keras", table, method="integrated-gradients", target="class:quick"
    )
    columns = {name: v.reshape(len(rows), -1).sum(1) for name, v in attribution.values.items()}
    for words, scores in (("district", DISTRICTS), ("advert", WORDS)):
        points = [sum(scores.get(word, 0) for word in row[words].split()) for row in rows]
        assert np.corrcoef(points, columns[words])[0, 1] >= 0.8, words
    sizes = {name: np.abs(values).mean() for name, values in columns.items()}
    assert sizes["floor"] <= 0.1 * min(sizes["district"], sizes["advert"])


def test_a_segmenter_sees_the_shape_that_it_outlines(samples):
    path = samples / "inputs" / "shapes" / "06-cross.png"
    mask = samples / "masks" / path.name
    attribution = api.explain(
        samples / "outline.keras",
        path,
        method="integrated-gradients",
        target=f"mask:{mask},class=1",
    )
    sizes = np.abs(attribution.values["picture"]).sum(axis=-1)
    with Image.open(mask) as picture:
        inside = np.asarray(picture) > 127
    share = sizes[inside].sum() / sizes.sum()
    print(f"{share:.0%} of the magnitude on {inside.mean():.1%} of the picture")
    assert share >= LEAST_SHARE
