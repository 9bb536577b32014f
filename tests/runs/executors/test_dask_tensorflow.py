"""T1: TensorFlow beside the workers of a cluster gives the bytes that it gives in one process."""

import json

import pytest

from tests.cli import draw, journal
from tests.faults.invariants import results

CALLS = {
    "a table": ("saliency", "loan.keras", "loan.csv", "-m", "integrated-gradients"),
    "many pictures": ("saliency", "shapes.keras", "in", "-m", "gradient", "-t", "top:2"),
    "a costly method": ("saliency", "shapes.keras", "in", "-m", "integrated-gradients"),
    "a search": ("optimize", "shapes.keras", "in", "--goal", "fgsm"),
}


@pytest.fixture
def cluster_here(lasting_cluster, samples, tmp_path):
    """Return the cluster with sample models and pictures in its folder."""
    for name in ("shapes.keras", "shapes.labels.txt", "loan.keras", "loan.labels.txt"):
        (tmp_path / name).symlink_to(samples / name)
    (tmp_path / "loan.csv").symlink_to(samples / "inputs" / "loan.csv")
    lasting_cluster.compute_by_tensorflow()
    return lasting_cluster


def draw_pictures(folder, count):
    for index in range(count):
        draw(folder / "in" / f"{index % 3}/{index:03}.png", seed=index)


def compare(cluster, words):
    """Return the mode of a local call and of the same on the cluster, which have the same bytes."""
    local = cluster.call_local(*words)
    done = cluster.call(*words)
    assert done.code == local.code == 0, done.err
    assert results(cluster.folder / "out") == results(cluster.folder / "clean")
    stems = [line["stem"] for line in journal(cluster.folder / "out")]
    assert sorted(stems) == sorted(line["stem"] for line in journal(cluster.folder / "clean"))
    records = [
        json.loads((cluster.folder / out / "run.json").read_text()) for out in ("clean", "out")
    ]
    for key in ("mode", "batch_size", "kernels", "padded", "versions", "model"):
        assert records[0].get(key) == records[1].get(key), key
    return records[0]["mode"]


def test_a_few_pictures_have_the_same_bytes(cluster_here, tmp_path):
    draw_pictures(tmp_path, 12)
    compare(cluster_here, ("saliency", "shapes.keras", "in"))
    assert 1 <= len(cluster_here.count("load")) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_calls_of_all_kinds_have_the_same_bytes(cluster_here, tmp_path, name):
    draw_pictures(tmp_path, 24 if name == "a search" else 200)
    print(name, compare(cluster_here, CALLS[name]))
