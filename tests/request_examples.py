"""Models of every form, and all that can be asked of one: right words, and wrong ones."""

from dataclasses import dataclass, field

import numpy as np

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import list_parameters


@dataclass(frozen=True)
class Form:
    """A model as saved, and what is true of it: shapes of outputs and of layers by name.

    `hidden` says that layers may be inside which the archive does not list.
    """

    path: object
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    layers: dict[str, Shape] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    hidden: bool = False


def save_forms(folder):
    """Save small models of many forms; return them by name."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    picture, table = keras.Input((8, 8, 3), name="picture"), keras.Input((4,), name="row")
    steps, ids = keras.Input((6, 4), name="steps"), keras.Input((6,), dtype="int32", name="ids")
    maps = layers.Conv2D(4, 3, padding="same", activation="relu", name="maps")(picture)
    flat = layers.GlobalAveragePooling2D(name="flat")(maps)
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="deep"), layers.Dense(2)], name="net"
    )
    shared = layers.Dense(4, activation="tanh", name="shared")
    tower = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3, name="c")], name="tower")
    flow = layers.LSTM(5, return_sequences=True, name="lstm")
    models = {
        "classes": (picture, layers.Dense(5, activation="softmax", name="probs")(flat)),
        "linear": (picture, layers.Dense(5, name="scores")(flat)),
        "coin": (table, layers.Dense(1, activation="sigmoid", name="coin")(table)),
        "size": (table, layers.Dense(1, name="size")(table)),
        "unet": (picture, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(maps)),
        "open": (
            free := keras.Input((None, None, 3), name="free"),
            layers.Conv2D(1, 1, activation="sigmoid", name="mask")(free),
        ),
        "segments": (
            picture,
            layers.Softmax(name="soft")(layers.Conv2D(3, 1, name="logits")(maps)),
        ),
        "other-axis": (
            steps,
            layers.Softmax(axis=1, name="soft")(layers.Dense(1, name="one")(steps)),
        ),
        "by-operation": (steps, keras.ops.softmax(layers.Dense(1, name="one")(steps), axis=1)),
        "reshaped": (table, layers.Reshape((3, 1), name="tall")(layers.Dense(3, "softmax")(table))),
        "steps": (
            steps,
            layers.TimeDistributed(layers.Dense(3, "softmax"), name="each")(flow(steps)),
        ),
        "both": (steps, layers.Bidirectional(layers.GRU(3, name="gru"), name="both")(steps)),
        "ids": (
            ids,
            layers.Dense(2, name="two")(layers.Flatten()(layers.Embedding(9, 3, name="emb")(ids))),
        ),
        "attention": (
            steps,
            layers.Flatten(name="f")(layers.MultiHeadAttention(2, 2, name="mha")(steps, steps)),
        ),
        "nested": (table, layers.Activation("softmax", name="end")(inner(shared(table)))),
        "shared": (table, layers.Dense(3, name="end")(shared(shared(table)))),
        "twice": (
            [picture, two := keras.Input((8, 8, 3), name="two")],
            layers.Dense(2, name="end")(
                layers.Concatenate()([layers.Flatten()(tower(x)) for x in (picture, two)])
            ),
        ),
        "heads": (
            picture,
            {
                "age": layers.Dense(1, name="years")(flat),
                "kind": layers.Dense(3, "softmax", name="k")(flat),
            },
        ),
        "added": (table, layers.Dense(3, name="a")(table) + layers.Dense(3, name="b")(table)),
        "states": (steps, list(layers.LSTM(5, return_state=True, name="lstm2")(steps))),
    }
    forms = {}
    for name, (inputs, outputs) in models.items():
        model = keras.Model(inputs, outputs, name=f"m_{name.replace('-', '_')}")
        forms[name] = _form(model, folder / f"{name}.keras")
    chain = [
        keras.Input((8, 8, 3)),
        layers.Conv2D(2, 3, name="c1"),
        layers.Flatten(),
        layers.Dense(4, name="end"),
    ]
    forms["chain"] = _form(keras.Sequential(chain), folder / "chain.keras")
    return forms


def _form(model, path):
    from inputgrad_cli.engine.adapter.hooks import map_layers_by_path
    from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter

    model.save(path)
    bound = KerasAdapter(model)
    known = map_layers_by_path(model)
    struct = getattr(getattr(model, "_functional", None) or model, "_outputs_struct", None)
    outputs = bound.name_outputs(struct if struct is not None else model.outputs[0])
    return Form(
        path,
        {port.name: port.shape for port in bound.input_specs},
        {name: tuple(tensor.shape[1:]) for name, tensor in outputs.items()},
        {name: _shape(layer) for name, layer in known.items()},
    )


def _shape(layer):
    try:
        return tuple(layer.output.shape[1:])
    except (AttributeError, ValueError):
        return None


def sample(form, rows=1):
    """Return a sample that a model takes, by input."""
    random = np.random.default_rng(0)
    arrays = {
        name: random.random((rows, *(dim or 8 for dim in shape)), np.float32)
        for name, shape in form.inputs.items()
    }
    return {n: (9 * a).astype(np.int32) if n == "ids" else a for n, a in arrays.items()}


def misspelt(name):
    """Return words that are near a name, and one that is near nothing."""
    return [f"{name}x", name.upper() + "_", f"no/{name}z", "qqqq"]


def targets(form):
    """Return texts of targets, right and wrong, for every output and some layers."""
    texts = []
    for name, shape in form.outputs.items():
        heads = [f"{name}/"] if len(form.outputs) > 1 else ["", f"{name}/"]
        units = [",".join("0" for _ in shape), ",".join(str(dim or 9) for dim in shape)]
        own = [f"unit:{unit}" for unit in (*units, units[0] + ",0", "-1") if unit]
        last = shape[-1] if shape and shape[-1] else 1
        own += ["auto", "top1", f"top:{last}", f"top:{last + 1}", "all", "sum", "norm"]
        own += [f"class:{last - 1}", f"class:{last}", f"{last}", "class:1", "0", "class:dog"]
        own += [f"margin:0,{last}", f"margin:0,{last - 1}", "loss:mse", "loss:compiled"]
        own += ["loss:reconstruction", "loss:nothing"]
        texts += [head + expression for head in heads for expression in own]
    texts += [f"{name}/sum" for head in form.outputs for name in misspelt(head)]
    some = list(form.layers)[1:2] + list(form.layers)[-1:]
    texts += [f"layer:{word}/{e}" for word in some for e in ("sum", "unit:0", "class:99")]
    return texts + [f"layer:{word}/sum" for word in layer_words(form)[-4:]]


def layer_words(form):
    """Return names of layers, right ones with and without the number of a call, and wrong ones."""
    right = list(form.layers)
    return [*right, f"{right[1]}#0", f"{right[1]}#7", *misspelt(right[-1])]


def method_texts(word):
    """Return calls of every method that names a layer, alone and within another."""
    for method in methods:
        if "layer" in {f.name for f in list_parameters(method)}:
            yield f"{method.name}:layer='{word}'"
    yield f"smoothgrad:samples=1,of=\"grad-cam:layer='{word}'\""
