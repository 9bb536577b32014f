"""Draws labelled pictures of one shape each on a cluttered background.

The class of a picture follows from the outline of its shape alone: place, size, rotation,
colour and background are drawn from the same distributions whatever the class is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CLASSES = ("circle", "square", "triangle", "star", "cross")
SIDE = 64
# Circumscribed radius: from 14.2 pixels on, even the side of a square is 20 pixels long.
RADII = (14.2, 26.0)
# Least Euclidean distance, of at most 441, between the colours of a shape and its surroundings.
CONTRAST = 110.0
# Least mean of red, green and blue of a shape. Integrated gradients from a black picture give no
# credit to black pixels, whatever the model makes of them, so that no shape is that dark.
BRIGHTNESS = 120.0
# Outlines are filled on a grid this many times finer, so that edges come out smooth.
FINE = 4

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


class Pictures(NamedTuple):
    """Pictures (n, 64, 64, 3) of 0 to 255, their classes (n,) and shape masks (n, 64, 64)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_]


def draw_pictures(count: int, seed: int) -> Pictures:
    """Return `count` pictures that depend on the seed only."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=count)
    pixels = smooth_backgrounds(rng, count)
    masks = np.zeros((count, SIDE, SIDE), dtype=np.bool_)
    for index, label in enumerate(labels):
        scene = add_clutter(rng, pixels[index])
        cover = shape_cover(rng, CLASSES[label])
        pixels[index] = paint(rng, scene, cover)
        masks[index] = cover >= 0.5
    # Noise comes last, so that the grain of shape and background is the same.
    grain = rng.uniform(0, 12, size=(count, 1, 1, 1)).astype(np.float32)
    pixels += grain * rng.standard_normal(pixels.shape, dtype=np.float32)
    return Pictures(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), labels, masks)


def smooth_backgrounds(rng: np.random.Generator, count: int) -> Floats:
    """Return (count, 64, 64, 3) colour gradients with a texture of three plane waves."""
    axis = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    right, down = axis[None, None, None, :], axis[None, None, :, None]
    # Four layers a picture: a slope in a random direction and three waves, one colour each.
    turn, phase = rng.uniform(0, 2 * math.pi, size=(2, count, 4, 1, 1)).astype(np.float32)
    pace = rng.uniform(5, 60, size=(count, 4, 1, 1)).astype(np.float32)
    across = np.cos(turn) * right + np.sin(turn) * down
    layers = np.sin(pace * across + phase)
    layers[:, 0] = across[:, 0]
    strength = np.array([45, 9, 9, 9])[None, :, None]
    colours = (strength * rng.normal(size=(count, 4, 3))).astype(np.float32)
    middle = rng.uniform(10, 200, size=(count, 1, 3)).astype(np.float32)
    weights = layers.reshape(count, 4, SIDE * SIDE).transpose(0, 2, 1)
    scenes: Floats = (weights @ colours + middle).reshape(count, SIDE, SIDE, 3)
    return scenes


def add_clutter(rng: np.random.Generator, scene: Floats) -> Floats:
    """Return the scene with lines and specks, all too small or thin to pass for a shape."""
    picture = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    middle = scene.mean(axis=(0, 1))
    for _ in range(rng.integers(0, 6)):
        ends = [float(value) for value in rng.uniform(-8, SIDE + 8, size=4)]
        pen.line(ends, fill=near(rng, middle), width=int(rng.integers(1, 4)))
    for _ in range(rng.integers(0, 12)):
        left, top, width, height = rng.uniform((-4, -4, 2, 2), (SIDE, SIDE, 9, 9))
        if rng.random() < 0.5:
            pen.ellipse((left, top, left + width, top + height), fill=near(rng, middle))
        else:
            corners = rng.uniform((left, top), (left + width, top + height), size=(4, 2))
            pen.polygon(as_tuples(corners), fill=near(rng, middle))
    return np.asarray(picture, dtype=np.float32)


def near(rng: np.random.Generator, colour: Floats) -> tuple[int, int, int]:
    """Return a colour in the neighbourhood of the given one."""
    red, green, blue = np.clip(rng.normal(colour, 50), 0, 255).astype(int)
    return int(red), int(green), int(blue)


def shape_cover(rng: np.random.Generator, name: str) -> Floats:
    """Return which part, 0 to 1, of each pixel a shape of random place and size covers."""
    radius = rng.uniform(*RADII)
    centre = rng.uniform(radius, SIDE - radius, size=2)
    turned = unit_outline(name, rng.uniform(0, 2 * math.pi))
    fine = Image.new("L", (SIDE * FINE, SIDE * FINE))
    corners = (centre + radius * turned) * FINE
    ImageDraw.Draw(fine).polygon(as_tuples(corners), fill=255)
    return np.asarray(fine.reduce(FINE), dtype=np.float32) / np.float32(255)


def unit_outline(name: str, turn: float) -> Points:
    """Return the corners (n, 2) of a shape inside the unit circle, rotated by `turn`."""
    if name == "cross":
        # Twelve corners: four arms whose half-width is 0.32 of their length.
        arm = math.atan(0.32)
        inner = 0.32 * math.sqrt(2) * math.cos(arm)
        steps = [(-arm, 1.0), (arm, 1.0), (math.pi / 4, inner)]
        polar = [(quarter * math.pi / 2 + a, r) for quarter in range(4) for a, r in steps]
    else:
        # A circle is a polygon of so many corners that they do not show.
        corners = {"circle": 72, "square": 4, "triangle": 3, "star": 10}[name]
        inner = 0.45 if name == "star" else 1.0
        polar = [(2 * math.pi * k / corners, inner if k % 2 else 1.0) for k in range(corners)]
    angle, length = np.array(polar).T
    return np.stack([length * np.cos(angle + turn), length * np.sin(angle + turn)], axis=1)


def as_tuples(corners: Points) -> list[tuple[float, float]]:
    """Return the corners in the form that Pillow draws."""
    return [(float(x), float(y)) for x, y in corners]


def paint(rng: np.random.Generator, scene: Floats, cover: Floats) -> Floats:
    """Return the scene with the covered part in a contrasting, slightly shaded colour."""
    surroundings = scene[cover > 0].mean(axis=0)
    colour = contrasting(rng, surroundings)
    ramp = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    across, down = rng.normal(0, 30, size=2)
    shade = (across * ramp[None, :] + down * ramp[:, None])[..., None]
    part = cover[..., None]
    painted: Floats = (scene * (1 - part) + (colour + shade) * part).astype(np.float32)
    return painted


def contrasting(rng: np.random.Generator, surroundings: Floats) -> Points:
    """Return a random colour that is bright enough and far enough from its surroundings."""
    while True:
        colour: Points = rng.uniform(0, 255, size=3)
        if colour.mean() >= BRIGHTNESS and np.linalg.norm(colour - surroundings) >= CONTRAST:
            return colour
