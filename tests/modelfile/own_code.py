"""The code of a user: layers registered and not, subclassed models that build late or never."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("mine")
class Registered(layers.Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Unregistered(layers.Layer):
    def __init__(self, factor=3.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return self.factor * self.scale * ops.sin(x)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Configless(layers.Layer):
    def call(self, x):
        return x + 1.0


def wave(x):
    return ops.sin(x)


def own_loss(truth, y):
    return ops.mean(ops.square(truth - y))


def own_metric(truth, y):
    return ops.mean(ops.abs(truth - y))


class TwoArguments(keras.Model):
    """Keras cannot build it from the saved shapes, and only warns."""

    def __init__(self, **options):
        super().__init__(**options)
        self.left = layers.Dense(3)
        self.right = layers.Dense(3)

    def call(self, x, z):
        return self.left(x) + self.right(z)


class ForgetfulBuild(keras.Model):
    """Its build() builds nothing, so Keras believes there is nothing to read."""

    def __init__(self, **options):
        super().__init__(**options)
        self.hidden = layers.Dense(4, activation="tanh")
        self.last = layers.Dense(2)

    def build(self, shape):
        self.built = True

    def call(self, x):
        return self.last(self.hidden(x))


class Conditional(keras.Model):
    """It makes a layer that it only uses while it is trained: the call cannot bring it back."""

    def __init__(self, **options):
        super().__init__(**options)
        self.last = layers.Dense(2)
        self.aside = layers.Dense(2)

    def build(self, shape):
        self.built = True

    def call(self, x, training=False):
        return self.last(x) + (self.aside(x) if training else 0.0)


class Tracked(keras.Model):
    """With a metric of its own, whose state is saved beside the weights."""

    def __init__(self, **options):
        super().__init__(**options)
        self.body = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
        self.seen = keras.metrics.Mean(name="seen")
        self.noise = layers.Dropout(0.5, seed=1)

    def build(self, shape):
        self.body.build(shape)

    def call(self, x, training=False):
        return self.body(self.noise(x, training=training))
