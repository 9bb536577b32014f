"""Makes the sample classifier of volumes: scans of a body with a vessel, some with a nodule."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from training import Course, Examples, save_classifier, train_classifier, yield_samples

SIDE = 24
CLASSES = ("clear", "nodule")
MIDDLE = (SIDE - 1) / 2
BODY, RADII = 70, (11.0, 10.0, 9.0)  # grey value and half axes
BRIGHT = 210  # of vessels and nodules alike, so that only their form tells them apart
VESSEL_RADIUS, NODULE_RADIUS = 1.4, 3.2
NOISE = 3.0


def build_scan(folder: Path) -> str:
    """Write the classifier, its labels, a scan of each class and the mask of the nodule."""
    keras.utils.set_random_seed(10)
    scan = keras.Input((SIDE, SIDE, SIDE, 1), name="scan")
    x = layers.Rescaling(1 / 255, name="rescale")(scan)
    x = layers.Conv3D(8, 5, strides=2, activation="relu", name="conv1")(x)
    x = layers.Conv3D(8, 3, activation="relu", name="conv2")(x)
    x = layers.GlobalMaxPooling3D(name="largest")(x)
    finding = layers.Dense(1, activation="sigmoid", name="finding")(x)
    model = keras.Model(scan, finding, name="scan")
    figure = train_classifier(model, Course(draw_scans, seed=100, epochs=25, rate=3e-3))
    save_classifier(folder, model, CLASSES)
    for path, volume in yield_samples(folder, "scan", CLASSES, draw_scans(8, seed=102)):
        np.save(path.with_suffix(".npy"), volume)
    return figure


def draw_scans(count: int, seed: int) -> Examples:
    """Return scans (n, 24, 24, 24, 1), uint8; the cause of a nodule is where it is.

    Each has one vessel, a straight rod along one of the axes.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=count)
    position = np.stack(np.mgrid[:SIDE, :SIDE, :SIDE]).astype(np.float32)
    radii = np.array(RADII)[:, None, None, None]
    body = (((position - MIDDLE) / radii) ** 2).sum(axis=0) < 1
    scans = np.zeros((count, SIDE, SIDE, SIDE), np.float32)
    causes = np.zeros(scans.shape, np.bool_)
    for index, label in enumerate(labels):
        scans[index][body] = BODY
        along = rng.integers(3)
        across = np.delete(position, along, axis=0)
        centre = rng.uniform(7, SIDE - 8, size=(2, 1, 1, 1))
        vessel = ((across - centre) ** 2).sum(axis=0) < VESSEL_RADIUS**2
        scans[index][vessel & body] = BRIGHT
        centre = rng.uniform(8, SIDE - 9, size=(3, 1, 1, 1))
        if CLASSES[label] == "nodule":
            causes[index] = ((position - centre) ** 2).sum(axis=0) < NODULE_RADIUS**2
            scans[index][causes[index]] = BRIGHT
    scans += NOISE * rng.standard_normal(scans.shape, dtype=np.float32)
    volumes = np.clip(np.rint(scans), 0, 255).astype(np.uint8)[..., np.newaxis]
    return Examples(volumes, labels, causes)
