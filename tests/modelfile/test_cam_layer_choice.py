"""Which layer a class activation map uses: the last maps on the way to the target, one answer."""

import numpy as np
import pytest

from inputgrad_cli.describe.model import OpenOptions, describe_model, describe_opened_model

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def heads():
    """Return a model of two heads, each behind a convolution of its own."""
    import keras
    from keras import layers as k

    i = keras.Input((32, 32, 3))
    h = k.Conv2D(8, 3, name="shared")(i)
    p, q = k.Conv2D(8, 3, name="age_conv")(h), k.Conv2D(8, 3, name="gender_conv")(h)
    pool = k.GlobalAveragePooling2D
    gender = k.Dense(2, activation="softmax", name="gender")(pool()(q))
    return keras.Model(i, {"age": k.Dense(1, name="years")(pool()(p)), "gender": gender})


def video(*inner):
    """Return a model of four frames, with a recurrent end."""
    import keras
    from keras import layers as k

    v = keras.Input((4, 16, 16, 3))
    h = k.TimeDistributed(k.Conv2D(4, 3), name="frames")(v)
    h = k.TimeDistributed(k.GlobalAveragePooling2D())(h)
    return keras.Model(v, k.Dense(3)(k.LSTM(4)(h)))


def convlstm(sequences):
    import keras
    from keras import layers as k

    end = k.Flatten() if sequences else k.GlobalAveragePooling2D()
    maps = k.ConvLSTM2D(2, 3, return_sequences=sequences, name="maps")
    return keras.Sequential([keras.Input((2, 6, 6, 1)), maps, end, k.Dense(2)])


def backbone(inside, base=None):
    """Return a backbone without a top, in a Sequential, a graph, or behind augmentation."""
    import keras
    from keras import layers as k

    if base is None:
        i = keras.Input((16, 16, 3))
        x = k.BatchNormalization()(k.Conv2D(4, 3, strides=2, use_bias=False)(i))
        base = keras.Model(i, k.ReLU(6.0, name="out_relu")(x), name="base")
    ends = [k.GlobalAveragePooling2D(), k.Dense(2, activation="softmax")]
    if inside == "sequential":
        return keras.Sequential([base, *ends])
    if inside == "flat":
        return keras.Model(base.input, ends[1](ends[0](base.output)))
    i = keras.Input(base.input_shape[1:])
    x = keras.Sequential([k.RandomFlip(), k.Rescaling(1 / 255.0)])(i)
    return keras.Model(i, ends[1](ends[0](base(x))))


def plain(layers):
    import keras
    from keras import layers as k

    return keras.Sequential([keras.Input((16, 16, 3)), k.Conv2D(4, 3, name="conv"), *layers(k)])


def siamese():
    """Return a model of two pictures that go through one tower."""
    import keras
    from keras import layers as k

    tower = keras.Sequential(
        [keras.Input((8, 8, 1)), k.Conv2D(2, 3, name="conv"), k.GlobalAveragePooling2D()],
        name="tower",
    )
    a, b = keras.Input((8, 8, 1), name="a"), keras.Input((8, 8, 1), name="b")
    return keras.Model([a, b], k.Dense(1)(k.Subtract()([tower(a), tower(b)])))


def unet():
    import keras
    from keras import layers as k

    i = keras.Input((16, 16, 3))
    down = k.Conv2D(4, 3, padding="same", activation="relu")(i)
    x = k.Conv2D(8, 3, padding="same", activation="relu")(k.MaxPooling2D()(down))
    x = k.Concatenate(name="joined")([k.UpSampling2D()(x), down])
    x = k.Conv2D(4, 3, padding="same", activation="relu", name="last")(x)
    return keras.Model(i, k.Conv2D(2, 1, activation="softmax", name="classes")(x))


def line():
    import keras
    from keras import layers as k

    return keras.Sequential(
        [
            keras.Input((30, 2)),
            k.Conv1D(4, 3),
            k.ReLU(name="maps"),
            k.GlobalMaxPooling1D(),
            k.Dense(1),
        ]
    )


def volume():
    import keras
    from keras import layers as k

    return keras.Sequential(
        [
            keras.Input((6, 6, 6, 1)),
            k.Conv3D(2, 3),
            k.MaxPooling3D(name="maps"),
            k.Flatten(),
            k.Dense(1),
        ]
    )


ZOO = {
    "heads": (heads, {"age": "age_conv", "gender": "gender_conv"}),
    "video": (video, {"dense": "frames"}),
    "convlstm": (lambda: convlstm(False), {"dense": "maps"}),
    "convlstm-sequences": (lambda: convlstm(True), {"dense": "maps"}),
    "backbone": (lambda: backbone("sequential"), {"dense": "base/out_relu"}),
    "backbone-flat": (lambda: backbone("flat"), {"dense": "out_relu"}),
    "backbone-augmented": (lambda: backbone("augmented"), {"dense": "base/out_relu"}),
    "cropped": (lambda: plain(lambda k: [k.Cropping2D(2, name="maps"), k.Flatten(), k.Dense(2)]),
                {"dense": "maps"}),
    "padded": (lambda: plain(lambda k: [k.UpSampling2D(name="maps"), k.Flatten(), k.Dense(2)]),
               {"dense": "maps"}),
    "vgg-like": (lambda: plain(lambda k: [k.MaxPooling2D(name="maps"), k.Flatten(), k.Dense(2)]),
                 {"dense": "maps"}),
    "dense-on-maps": (lambda: plain(lambda k: [k.Dense(3, name="maps"), k.Flatten(), k.Dense(2)]),
                      {"dense": "maps"}),
    "siamese": (siamese, {"dense": "tower/conv"}),
    "unet": (unet, {"classes": "last"}),
    "line": (line, {"dense": "maps"}),
    "volume": (volume, {"dense": "maps"}),
}  # fmt: skip


def layers_told(about):
    return {head: use.layer for head, use in about.cam_layers.items()}


def ran(path):
    """Return what comes of running the model, without a look at its file."""
    from inputgrad_cli.engine.cam_layer_detection import CamLayerFinder

    before = CamLayerFinder.find

    def find(self, runner, inputs, target):
        self._declared_maps = {}
        return before(self, runner, inputs, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CamLayerFinder, "find", find)
        return layers_told(describe_opened_model(path, OpenOptions()))


@pytest.mark.parametrize("name", ZOO)
def test_file_opened_model_and_run_give_one_answer(name, tmp_path):
    import keras

    keras.backend.clear_session()
    make, want = ZOO[name]
    make().save(tmp_path / "a.keras")
    assert layers_told(describe_model(tmp_path / "a.keras")) == want
    assert layers_told(describe_opened_model(tmp_path / "a.keras", OpenOptions())) == want
    assert ran(tmp_path / "a.keras") == want


def test_grad_cam_looks_at_the_target(call, tmp_path):
    heads().save(tmp_path / "a.keras")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((1, 32, 32, 3), np.float32))
    for target, layer in (("age/auto", "age_conv"), ("gender/class:1", "gender_conv"),
                          ("layer:age_conv/unit:2,2,1", "shared")):  # fmt: skip
        result = call("saliency", "a.keras", "x.npy", "-m", "grad-cam:relu=false", "-t", target,
                      "-o", layer)  # fmt: skip
        assert result.code == 0, result.err
        (path,) = (tmp_path / layer).glob("*.npz")
        with np.load(path) as arrays:
            assert f"layer:{layer}" in arrays.files
            assert np.abs(arrays[f"layer:{layer}"]).max() > 0


def test_a_layer_of_every_frame_gives_a_map_a_frame(call, tmp_path):
    video().save(tmp_path / "a.keras")
    x = np.random.default_rng(0).random((1, 4, 16, 16, 3), np.float32)
    np.save(tmp_path / "x.npy", x[0])
    result = call("saliency", "a.keras", "x.npy", "-m", "grad-cam:relu=false", "-t", "class:1")
    assert result.code == 0, result.err
    (path,) = (tmp_path / "inputgrad-out").glob("*.npz")
    with np.load(path) as arrays:
        assert arrays["layer:frames"].shape == (4, 14, 14)


def test_a_shared_tower_names_the_calls_in_inspect_and_in_saliency(call, tmp_path):
    siamese().save(tmp_path / "a.keras")
    x = np.random.default_rng(0).random((2, 1, 8, 8, 1), np.float32)
    np.savez(tmp_path / "x.npz", a=x[0], b=x[1])
    page = call("inspect", "a.keras").out
    assert "tower/conv, called 2 times" in " ".join(page.split())
    result = call("saliency", "a.keras", "x.npz", "-m", "grad-cam")
    assert result.code == 2
    assert "grad-cam:layer=tower/conv#0 to #1; #0 sees a, #1 sees b" in result.err
    loaded = " ".join(call("inspect", "a.keras", "--load").out.split())
    assert "choose layer=tower/conv#0 to #1; #0 sees a, #1 sees b" in loaded
    named = call("saliency", "a.keras", "x.npz", "-m", "grad-cam:layer=tower/conv#1")
    assert named.code == 0, named.err


def test_a_target_that_no_maps_lead_to_says_so(call, tmp_path):
    import keras
    from keras import layers as k

    i = keras.Input((8, 8, 1))
    maps = k.GlobalAveragePooling2D(name="a")(k.Conv2D(2, 3)(i))
    keras.Model(i, {"a": maps, "b": k.Dense(2)(k.Flatten()(i))}).save(tmp_path / "a.keras")
    np.save(tmp_path / "x.npy", np.ones((1, 8, 8, 1), np.float32))
    result = call("saliency", "a.keras", "x.npy", "-m", "grad-cam", "-t", "b/class:1")
    assert result.code == 2
    assert "no convolution on the way to target 'b/class:1'" in result.err
    assert "grad-cam:layer=NAME" in result.err


@pytest.mark.slow
@pytest.mark.parametrize("inside", ["sequential", "flat", "augmented"])
@pytest.mark.parametrize(("name", "layer"), [("MobileNetV2", "out_relu"), ("VGG16", "block5_pool")])
def test_applications_have_one_answer(name, layer, inside, tmp_path):
    import keras

    keras.backend.clear_session()
    base = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    backbone(inside, base).save(tmp_path / "a.keras")
    want = {"dense": layer if inside == "flat" else f"{base.name}/{layer}"}
    assert layers_told(describe_model(tmp_path / "a.keras")) == want
    assert layers_told(describe_opened_model(tmp_path / "a.keras", OpenOptions())) == want
    assert ran(tmp_path / "a.keras") == want
