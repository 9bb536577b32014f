"""Makes the sample model that reads texts: short film reviews, praise or blame, and one input."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

SUBJECTS = ("film", "story", "acting", "music", "ending", "cast")
PRAISE = ("wonderful", "moving", "funny", "great", "clever", "warm")
BLAME = ("dull", "slow", "awful", "silly", "flat", "boring")
NEUTRAL = ("the", "was", "and", "very", "rather", "but")
LENGTH = 16  # tokens; a shorter review is padded


def build_reviews(folder: Path) -> str:
    """Write the model with its input text and labels; return its held-out figure."""
    keras.utils.set_random_seed(7)
    texts, classes = draw_reviews(seed=7, count=1200)
    words = [*NEUTRAL, *SUBJECTS, *PRAISE, *BLAME]
    reader = layers.TextVectorization(output_sequence_length=LENGTH, vocabulary=words, name="words")
    review = keras.Input((), dtype="string", name="review")
    tokens = layers.Embedding(len(words) + 2, 8, mask_zero=True, name="embedding")(reader(review))
    score = layers.Dense(1, activation="sigmoid", name="praise")(
        layers.GlobalAveragePooling1D(name="mean")(tokens)
    )
    model = keras.Model(review, score, name="reviews")
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    train, test = slice(0, 1000), slice(1000, None)
    model.fit(tf.constant(texts[train]), classes[train], epochs=20, verbose=0)
    _, right = model.evaluate(tf.constant(texts[test]), classes[test], verbose=0)
    model.save(folder / "reviews.keras")
    (folder / "reviews.labels.txt").write_text("blame\npraise\n")
    text = "the story was rather slow but the acting was wonderful and very funny\n"
    (folder / "inputs" / "review.txt").write_text(text)
    return f"{right:.1%} of held-out reviews right"


def draw_reviews(seed: int, count: int) -> tuple[list[str], np.ndarray]:
    """Return reviews of three opinions each, and whether most of them praise."""
    rng = np.random.default_rng(seed)
    texts, classes = [], []
    for _ in range(count):
        praises = rng.integers(2, size=3)
        opinions = [
            f"the {rng.choice(SUBJECTS)} was {rng.choice(PRAISE if praise else BLAME)}"
            for praise in praises
        ]
        texts.append(f" {rng.choice(['and', 'but'])} ".join(opinions))
        classes.append(int(praises.sum() >= 2))
    return texts, np.array(classes, np.float32)
