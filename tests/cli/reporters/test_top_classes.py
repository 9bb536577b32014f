"""The classes of largest probability of each sample, which -v shows on stderr."""

import pytest

from tests.cli import items, stream


def read_classes(result):
    """Return the lines of stderr with classes: the name of the sample, and pairs."""
    lines = [line for line in result.err.splitlines() if line.endswith("%.")]
    rows = {}
    for line in lines:
        name, words = line.removeprefix("inputgrad: ").split(": ")
        pairs = [pair.rsplit(" ", 1) for pair in words.strip(".").split(", ")]
        rows[name] = [(label, float(share.strip("%")) / 100) for label, share in pairs]
    assert len(rows) == len(lines), "one line for each sample"
    return rows


def test_three_classes_fall_from_that_of_the_item(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes", "-m", "gradient")
    words += ("-m", "grad-cam", "-t", "top:2", "--json", "--picture", "none")
    result = call("saliency", *words, "-v")
    rows = read_classes(result)
    tops = {item["input"]: item for item in items(result) if item["target"]["asked"] == "top1"}
    assert set(rows) == set(tops)
    for name, classes in rows.items():
        assert len(classes) == 3
        shares = [share for _, share in classes]
        assert shares == sorted(shares, reverse=True)
        assert 0 < shares[-1] < shares[0] < 1, "none is certain, and none is said to be"
        assert classes[0][0] == tops[name]["target"]["label"]
        assert shares[0] == pytest.approx(tops[name]["probability"], abs=1e-4)
    other = call("saliency", *words, "-o", "other")
    assert read_classes(other) == {}
    assert [set(line) for line in stream(other)] == [set(line) for line in stream(result)]


def test_one_sigmoid_unit_has_two_classes(call, samples):
    model, table = samples / "loan.keras", samples / "inputs/loan.csv"
    result = call("saliency", model, table, "-v", "--json", "--picture", "none")
    for classes in read_classes(result).values():
        assert sum(share for _, share in classes) == pytest.approx(1, abs=2e-4)


def test_an_output_without_probabilities_has_no_such_line(call, samples):
    words = (samples / "two_heads.keras", samples / "inputs/two_heads.npy", "--picture", "none")
    assert read_classes(call("saliency", *words, "-v", "-t", "size/auto")) == {}
    assert read_classes(call("saliency", *words, "-v", "-t", "kind/top1", "-o", "kind")) != {}
