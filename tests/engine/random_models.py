"""Keras models drawn by a seed: layers of every rank, merges, nesting, all ways to end."""

from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf
from keras import layers

ROWS = 3
WIDTH = 3  # channels everywhere, so that parts fit one another


@dataclass
class Drawn:
    """A drawn model, and what must come out of it.

    `before` gives, for the same inputs, what is differentiated: the logits where the model ends in
    a softmax or sigmoid that can be found (`space` is then `logit`), else the outputs themselves.
    `target` and `index` name one unit, or None for the top class.
    """

    model: keras.Model
    before: keras.Model
    space: str
    inputs: dict
    ending: str
    index: tuple | None = None
    parts: list = field(default_factory=list)

    @property
    def target(self):
        return "auto" if self.index is None else "unit:" + ",".join(map(str, self.index))


def relu_like(rng):
    """Return an activation, in one of the forms that people write."""
    return rng.choice(
        [
            "relu", "tanh", "gelu", "elu", "swish", "softplus", "selu", "sigmoid", "mish",
            "leaky_relu", "hard_silu", None,
        ]
    )  # fmt: skip


def apply_activation(rng, x):
    form = rng.integers(6)
    if form == 0:
        return layers.ReLU(max_value=6.0)(x)
    if form == 1:
        return layers.Activation("tanh")(x)
    if form == 2:
        return keras.ops.silu(x)
    if form == 3:
        return layers.LeakyReLU()(x)
    if form == 4:
        return layers.PReLU(shared_axes=list(range(1, len(x.shape) - 1)) or None)(x)
    return layers.ELU()(x)


def vector_layers(rng):
    act = relu_like(rng)
    return [
        lambda: layers.Dense(WIDTH, activation=act),
        lambda: layers.LayerNormalization(),
        lambda: layers.BatchNormalization(
            moving_mean_initializer="normal", gamma_initializer="uniform"
        ),
        lambda: layers.Dropout(0.5),
        lambda: layers.Rescaling(0.5, offset=0.1),
        lambda: layers.GaussianNoise(0.3),
        lambda: layers.UnitNormalization(),
        lambda: layers.Dense(WIDTH, use_bias=False),
    ]


def series_layers(rng):
    act = relu_like(rng)
    return [
        lambda: layers.Conv1D(WIDTH, 3, padding="same", activation=act),
        lambda: layers.Conv1D(WIDTH, 2, padding="causal", dilation_rate=2),
        lambda: layers.SeparableConv1D(WIDTH, 3, padding="same"),
        lambda: layers.DepthwiseConv1D(3, padding="same", activation=act),
        lambda: layers.Conv1DTranspose(WIDTH, 2, strides=2),
        lambda: layers.LSTM(WIDTH, return_sequences=True),
        lambda: layers.GRU(WIDTH, return_sequences=True),
        lambda: layers.SimpleRNN(WIDTH, return_sequences=True, go_backwards=True),
        lambda: layers.Bidirectional(layers.GRU(WIDTH, return_sequences=True), merge_mode="ave"),
        lambda: layers.TimeDistributed(layers.Dense(WIDTH, activation="tanh")),
        lambda: layers.AveragePooling1D(2),
        lambda: layers.MaxPooling1D(2),
        lambda: layers.UpSampling1D(2),
        lambda: layers.ZeroPadding1D(1),
        lambda: layers.SpatialDropout1D(0.4),
        lambda: layers.LayerNormalization(),
        lambda: layers.GroupNormalization(3),
        lambda: layers.Dense(WIDTH, activation=act),
    ]


def image_layers(rng):
    act, strides = relu_like(rng), int(rng.integers(1, 3))
    return [
        lambda: layers.Conv2D(WIDTH, 3, padding="same", activation=act),
        lambda: layers.Conv2D(WIDTH, 1, strides=2, padding="same"),
        lambda: layers.Conv2D(WIDTH, 2, dilation_rate=2, padding="same"),
        lambda: layers.Conv2D(WIDTH, 3, groups=3, padding="same"),
        lambda: layers.SeparableConv2D(WIDTH, 3, strides=strides, padding="same"),
        lambda: layers.DepthwiseConv2D(3, padding="same", activation=act),
        lambda: layers.Conv2DTranspose(WIDTH, 2, strides=2, padding="same"),
        lambda: layers.AveragePooling2D(2, padding="same"),
        lambda: layers.MaxPooling2D(2, padding="same"),
        lambda: layers.UpSampling2D(2, interpolation="bilinear"),
        lambda: layers.ZeroPadding2D(1),
        lambda: layers.Cropping2D(1),
        lambda: layers.BatchNormalization(moving_mean_initializer="normal"),
        lambda: layers.GroupNormalization(3),
        lambda: layers.SpatialDropout2D(0.4),
        lambda: layers.Resizing(6, 5),
        lambda: layers.Permute((2, 1, 3)),
        lambda: layers.Dense(WIDTH, activation=act),
    ]


def volume_layers(rng):
    act = relu_like(rng)
    return [
        lambda: layers.Conv3D(WIDTH, 2, padding="same", activation=act),
        lambda: layers.Conv3D(WIDTH, 1, strides=2),
        lambda: layers.AveragePooling3D(2, padding="same"),
        lambda: layers.MaxPooling3D(2, padding="same"),
        lambda: layers.UpSampling3D(2),
        lambda: layers.ZeroPadding3D(1),
        lambda: layers.BatchNormalization(moving_mean_initializer="normal"),
        lambda: layers.TimeDistributed(layers.Conv2D(WIDTH, 2, padding="same")),
    ]


KINDS = {
    "vector": ((WIDTH,), vector_layers),
    "series": ((8, WIDTH), series_layers),
    "image": ((8, 7, WIDTH), image_layers),
    "volume": ((4, 5, 4, WIDTH), volume_layers),
}


def body(rng, x, kind, parts):
    """Return x after some layers of its rank, a nested model, a residual, or attention."""
    make = KINDS[kind][1]
    for _ in range(int(rng.integers(1, 4))):
        choices = make(rng)
        layer = choices[rng.integers(len(choices))]()
        parts.append(type(layer).__name__)
        form = rng.integers(6)
        before = x
        if form == 0:  # a model of its own inside
            inner = keras.Input(x.shape[1:])
            x = keras.Model(inner, layer(inner))(x)
        elif form == 1:
            x = keras.Sequential([keras.Input(x.shape[1:]), layer])(x)
        else:
            x = layer(x)
        if form == 2:
            x = apply_activation(rng, x)
        if form == 3 and tuple(x.shape) == tuple(before.shape):
            x = layers.Add()([x, before]) if rng.integers(2) else x * 0.5 + before
    if kind == "series" and rng.integers(3) == 0:
        parts.append("attention")
        x = layers.MultiHeadAttention(2, 2)(x, x) + x
    return x


def to_vector(rng, x, parts):
    """Return a vector for each sample."""
    axes = len(x.shape) - 2
    if axes == 0:
        return x
    choices = [
        lambda: getattr(layers, f"GlobalAveragePooling{axes}D")()(x),
        lambda: getattr(layers, f"GlobalMaxPooling{axes}D")()(x),
        lambda: layers.Flatten()(x),
        lambda: keras.ops.mean(x, axis=tuple(range(1, axes + 1))),
    ]
    if axes == 1:
        choices += [lambda: layers.LSTM(WIDTH)(x), lambda: layers.Bidirectional(layers.GRU(2))(x)]
    choice = int(rng.integers(len(choices)))
    parts.append(f"vector {choice}")
    return choices[choice]()


def merge(rng, vectors):
    """Return several vectors as one."""
    if len(vectors) == 1:
        return vectors[0]
    form = rng.integers(7)
    if form == 0:
        return layers.Concatenate()(vectors)
    shared = layers.Dense(WIDTH, activation="tanh")  # of vectors of one width, the same layer
    same = len({v.shape[-1] for v in vectors}) == 1
    vectors = [shared(v) if same else layers.Dense(WIDTH)(v) for v in vectors]
    if form == 1:
        return layers.Multiply()(vectors)
    if form == 2:
        return layers.Average()(vectors)
    if form == 3:
        return layers.Maximum()(vectors)
    if form == 4:
        return vectors[0] - vectors[1]
    if form == 5:
        return layers.Add()(vectors)
    return keras.ops.concatenate(vectors, axis=-1)


def _nested(activation):
    def end(z):
        inner = keras.Input(z.shape[1:])
        return keras.Model(inner, layers.Activation(activation)(inner))(z)

    return end


# name -> (space, what the logits go through)
ENDINGS = {
    "activation layer": ("logit", lambda z: layers.Activation("softmax")(z)),
    "softmax layer": ("logit", lambda z: layers.Softmax()(z)),
    "operation": ("logit", lambda z: keras.ops.softmax(z)),
    "nested": ("logit", _nested("softmax")),
    "dropout after": ("logit", lambda z: layers.Dropout(0.3)(layers.Softmax()(z))),
    "sigmoid": ("logit", lambda z: layers.Activation("sigmoid")(z)),
    "sigmoid operation": ("logit", lambda z: keras.ops.sigmoid(z)),
    "log softmax": ("logit", lambda z: layers.Activation("log_softmax")(z)),
    "reshaped after": (
        "logit", lambda z: layers.Reshape(z.shape[1:])(layers.Activation("softmax")(z))
    ),
    "linear": ("output", lambda z: z),
    "tanh": ("output", lambda z: keras.ops.tanh(z)),
    "written by hand": (
        "output",
        lambda z: keras.ops.exp(z) / keras.ops.sum(keras.ops.exp(z), axis=-1, keepdims=True),
    ),
}  # fmt: skip


def draw_model(seed):
    """Return the model of a seed."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    parts = []
    kinds = [str(rng.choice(list(KINDS))) for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3])))]
    fed = [keras.Input(KINDS[kind][0], name=f"x{n}") for n, kind in enumerate(kinds)]
    bodies = [body(rng, x, kind, parts) for x, kind in zip(fed, kinds, strict=True)]
    ending = str(rng.choice(list(ENDINGS)))
    space, end = ENDINGS[ending]
    index = None
    if len(fed) == 1 and len(bodies[0].shape) > 2 and rng.integers(4) == 0:
        z = layers.Dense(3)(bodies[0])  # one prediction a place
        index = tuple(int(rng.integers(n)) for n in z.shape[1:])
    else:
        vectors = [to_vector(rng, x, parts) for x in bodies]
        z = layers.Dense(int(rng.integers(2, 6)))(merge(rng, vectors))
    before = z
    outputs = end(z)
    inputs = fed[0] if len(fed) == 1 else fed
    values = {x.name: rng.normal(size=(ROWS, *x.shape[1:])).astype("float32") for x in fed}
    model = keras.Model(inputs, outputs)
    return Drawn(
        model, keras.Model(inputs, before if space == "logit" else outputs),
        space, values, ending, index, [*kinds, *parts],
    )  # fmt: skip


def plain_tape(drawn):
    """Return a function of the inputs: class, its lead over the next, score and gradients.

    They come from a plain compiled tape.
    """

    @tf.function(autograph=False)
    def run(tensors):
        fed = list(tensors.values())
        fed = fed[0] if len(fed) == 1 else fed
        outputs = drawn.model(fed, training=False)
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            values = drawn.before(fed, training=False)
            if drawn.index is None:
                top = tf.argmax(outputs, axis=-1)
                best = tf.math.top_k(outputs, 2).values
                lead = best[:, 0] - best[:, 1]
                score = tf.gather(values, top, batch_dims=1)
            else:
                top = tf.zeros(tf.shape(outputs)[0], tf.int64)
                lead = tf.ones(tf.shape(outputs)[0])
                score = values[(slice(None), *drawn.index)]
        return top, lead, score, tape.gradient(score, tensors)

    def results(inputs):
        top, lead, score, gradients = run({n: tf.constant(a) for n, a in inputs.items()})
        values = {n: inputs[n] * 0 if g is None else g.numpy() for n, g in gradients.items()}
        return top.numpy(), lead.numpy(), score.numpy(), values

    return results
