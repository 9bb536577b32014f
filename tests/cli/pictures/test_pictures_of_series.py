"""Pictures of signals, sounds, volumes and videos, from the command line to the files."""

import json
import wave

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from tests.cli import files, items, journal, metadata

SENSORS = ("-t", "loss:reconstruction")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Save a small model of a sound, of a volume and of an array of five axes."""
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("series")
    for name, shape in (("sound", (512,)), ("volume", (6, 8, 8, 1)), ("deep", (2, 2, 2, 2, 3))):
        keras.utils.set_random_seed(5)
        start = keras.Input(shape, name="x")
        x = layers.Flatten()(start) if len(shape) > 1 else start
        x = layers.Dense(4, activation="tanh")(x)
        keras.Model(start, layers.Dense(3)(x)).save(folder / f"{name}.keras")
    return folder


@pytest.fixture
def film(tmp_path):
    """Save an animation of six frames, and return its path."""
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 8), dtype=np.uint8)
    first, *others = [Image.fromarray(frame) for frame in noise]
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=100)
    return tmp_path / "a.gif"


@pytest.fixture
def windows(tmp_path):
    """Save a small model of a signal, and files of 100 and of 101 windows."""
    import keras
    from keras import layers

    start = keras.Input((20, 2), name="x")
    keras.Model(start, layers.Dense(1)(layers.Flatten()(start))).save(tmp_path / "m.keras")
    for count in (100, 101):
        values = np.random.default_rng(2).normal(size=(count, 20, 2))
        np.save(tmp_path / f"w{count}.npy", values.astype(np.float32))
    return tmp_path


def read_text(path):
    with Image.open(path) as picture:
        return json.loads(picture.text["inputgrad"])


def contents(out):
    return {path.name: path.read_bytes() for path in out.glob("*") if path.suffix != ".jsonl"}


def pictures(out):
    return {name: data for name, data in contents(out).items() if name.endswith(("png", "webp"))}


def save_tone(path, rate=256):
    samples = np.sin(np.arange(512) / 5) * np.exp(-(((np.arange(512) - 300) / 60) ** 2))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes((samples * 30_000).astype("<i2").tobytes())


def test_every_window_of_a_file_gets_a_picture(call, samples, tmp_path):
    model, windows = samples / "sensors.keras", samples / "inputs/sensors_fault.npy"
    result = call("saliency", model, windows, *SENSORS, "--clip", "100", "-o", "out")
    assert (result.code, result.err) == (0, "")
    arrays = "sensors_fault.npy.gradient.loss-reconstruction.npz"
    names = [arrays.replace("npz", f"{row:02}.png") for row in range(16)]
    assert files(tmp_path / "out") == {arrays, *names}
    values = api.read(tmp_path / "out" / arrays).values["window"]
    for row, name in enumerate(names):
        text = read_text(tmp_path / "out" / name)
        assert text["kind"] == "signal"
        assert text["scale"]["high"] == pytest.approx(float(np.abs(values[row]).max()))


def test_a_sound_has_an_axis_in_seconds_and_is_drawn_again_alike(call, models, tmp_path):
    save_tone(tmp_path / "a.wav")
    assert call("saliency", models / "sound.keras", "a.wav", "-o", "out").code == 0
    assert metadata(tmp_path / "out/a.wav.gradient.npz")["sample_rate"] == {"x": 256}
    before = contents(tmp_path / "out")
    (tmp_path / "out/a.wav.gradient.png").unlink()
    assert call("render", "out").code == 0
    assert contents(tmp_path / "out") == before
    save_tone(tmp_path / "b.wav", rate=512)
    call("saliency", models / "sound.keras", "b.wav", "-o", "out")
    assert before["a.wav.gradient.png"] != contents(tmp_path / "out")["b.wav.gradient.png"]


def test_a_volume_is_drawn_as_slices(call, models, tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).random((6, 8, 8, 1), np.float32))
    assert call("saliency", models / "volume.keras", "v.npy", "-o", "out").code == 0
    assert files(tmp_path / "out") == {"v.npy.gradient.npz", "v.npy.gradient.png"}
    assert read_text(tmp_path / "out/v.npy.gradient.png")["kind"] == "volume"


def test_an_array_of_five_axes_is_a_strip(call, models, tmp_path):
    np.save(tmp_path / "d.npy", np.ones((2, 2, 2, 2, 3), np.float32))
    result = call("saliency", models / "deep.keras", "d.npy", "-o", "out")
    assert result.code == 0
    assert "no kind of picture" not in result.err
    assert read_text(tmp_path / "out/d.npy.gradient.png")["kind"] == "strip"


NAMES = {f"a.gif.gradient.{ending}" for ending in ("npz", "png", "webp")}


def test_a_video_gets_an_animation_that_every_command_knows(call, models, film, tmp_path):
    words = ("saliency", models / "volume.keras", film, "-o", "out")
    planned = call(*words, "-n").out
    assert all(name in planned for name in NAMES)
    (item,) = items(call(*words, "--json"))
    assert files(tmp_path / "out") == NAMES
    assert item["picture"] == "out/a.gif.gradient.png"
    assert {file["path"] for file in journal(tmp_path / "out")[-1]["files"]} == NAMES
    with Image.open(tmp_path / "out/a.gif.gradient.webp") as animation:
        assert animation.n_frames == 6
    assert call("verify", "out").code == 0
    before = pictures(tmp_path / "out")
    for again in (words, ("render", "out")):
        (tmp_path / "out/a.gif.gradient.webp").unlink()
        assert call("verify", "out").code == 1
        assert call(*again).code == 0
        assert pictures(tmp_path / "out") == before
        assert call("verify", "out").code == 0


def test_a_video_shown_as_a_volume_loses_its_animation(call, models, film, tmp_path):
    words = ("saliency", models / "volume.keras", film, "-o", "out")
    call(*words)
    assert call(*words, "--show", "x=volume").code == 0
    assert files(tmp_path / "out") == {name for name in NAMES if not name.endswith("webp")}
    assert call("verify", "out").code == 0


def test_what_an_input_is_shown_as_is_kept(call, samples, tmp_path):
    words = ("saliency", samples / "sensors.keras", samples / "inputs/sensors_fault.npy")
    words += (*SENSORS, "-o", "out")
    assert call(*words, "--show", "window=spectrogram").code == 0
    before = pictures(tmp_path / "out")
    name = next(iter(sorted(before)))
    assert read_text(tmp_path / "out" / name)["kind"] == "spectrogram"
    (tmp_path / "out" / name).unlink()
    assert call("render", "out").code == 0
    assert pictures(tmp_path / "out") == before
    result = call(*words, "--show", "window=spectrogram", "--json")
    assert {item["status"] for item in items(result)} == {"skipped"}
    assert call("render", "out", "--show", "window=strip").code == 0
    assert read_text(tmp_path / "out" / name)["kind"] == "strip"
    assert call("verify", "out").code == 0


def test_the_sidecar_says_what_an_input_is_shown_as(call, samples, tmp_path):
    model = tmp_path / "m.keras"
    model.write_bytes((samples / "sensors.keras").read_bytes())
    (tmp_path / "m.inputgrad.toml").write_text('[show]\nwindow = "strip"\n')
    words = ("saliency", model, samples / "inputs/sensors_fault.npy", *SENSORS, "-o")
    for out, option, kind in (("a", (), "strip"), ("b", ("--show", "window=signal"), "signal")):
        assert call(*words, out, *option).code == 0
        names = pictures(tmp_path / out)
        assert {read_text(tmp_path / out / name)["kind"] for name in names} == {kind}
    options = json.loads((tmp_path / "a/run.json").read_text())["options"]
    assert options["show"] == {"value": ["window=strip"], "source": "sidecar"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["window=film"], "'film' is none of image, bars"),
        (["window"], "is not NAME=KIND"),
        (["sensor=signal"], "has no input 'sensor'"),
        (["window=volume"], "no picture of this kind fits input window"),
        (["window=signal", "--show", "window=strip"], "--show window=signal and"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_is_computed(call, samples, words, message):
    windows = samples / "inputs/sensors_fault.npy"
    result = call("saliency", samples / "sensors.keras", windows, *SENSORS, "--show", *words)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def test_render_refuses_what_it_cannot_show_and_keeps_the_pictures(call, models, tmp_path):
    np.save(tmp_path / "x.npy", np.ones(512, np.float32))
    call("saliency", models / "sound.keras", "x.npy", "-o", "out")
    before = contents(tmp_path / "out")
    for words, code in (("x=volume", 3), ("y=signal", 2)):
        result = call("render", "out", "--show", words)
        assert result.code == code
        assert words in result.err
        assert contents(tmp_path / "out") == before


def test_one_scale_of_a_run_serves_all_signals(call, samples, tmp_path):
    words = (samples / "sensors.keras", samples / "inputs/sensors_fault.npy", *SENSORS)
    assert call("saliency", *words, "--scale", "run", "-o", "out").code == 0
    scales = [read_text(path)["scale"] for path in (tmp_path / "out").glob("*.png")]
    assert len(scales) == 16
    assert all(scale == scales[0] for scale in scales)
    assert scales[0]["high"] > 0


def test_the_map_of_a_layer_is_drawn_over_the_volume(call, models, tmp_path):
    import keras
    from keras import layers

    start = keras.Input((6, 8, 8, 1), name="x")
    x = layers.Conv3D(2, 3, activation="relu", name="conv")(start)
    x = layers.Dense(2)(layers.GlobalAveragePooling3D()(x))
    keras.Model(start, x).save(tmp_path / "m.keras")
    np.save(tmp_path / "v.npy", np.random.default_rng(0).random((6, 8, 8, 1), np.float32))
    words = ("saliency", "m.keras", "v.npy", "-m", "grad-cam", "-o", "out", "--alpha", "0")
    assert call(*words).code == 0
    with Image.open(tmp_path / "out/v.npy.grad-cam.png") as picture:
        shown = np.asarray(picture)[49:193, 12:156]
    assert len(np.unique(shown)) > 20, "the grey input"
    assert (shown.min(axis=-1) == shown.max(axis=-1)).all()


@pytest.fixture
def open_model(tmp_path):
    """Save a model of series of two channels and any length, and return its path."""
    import keras
    from keras import layers

    start = keras.Input((None, 2), name="x")
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(3, 3, activation="tanh")(start))
    keras.Model(start, layers.Dense(2)(x)).save(tmp_path / "open.keras")
    return tmp_path / "open.keras"


def test_series_of_unequal_lengths_have_a_picture_each(call, open_model, tmp_path):
    rows = [np.random.default_rng(0).random((length, 2)).tolist() for length in (5, 9)]
    (tmp_path / "s.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert call("saliency", open_model, "s.jsonl", "-o", "out").code == 0
    names = {f"s.jsonl.gradient.{row}.{end}" for row in range(2) for end in ("npz", "png")}
    assert files(tmp_path / "out") == names
    before = pictures(tmp_path / "out")
    (tmp_path / "out/s.jsonl.gradient.1.png").unlink()
    assert call("render", "out").code == 0
    assert pictures(tmp_path / "out") == before


def test_the_columns_of_a_table_name_the_curves(call, open_model, tmp_path):
    values = np.random.default_rng(0).random((8, 2)).astype("f4")
    np.save(tmp_path / "t.npy", values)
    lines = ["pulse,breath", *(",".join(map(repr, map(float, row))) for row in values)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert call("saliency", open_model, "t.npy", "t.csv", "-o", "out").code == 0
    plain, named = (tmp_path / f"out/t.{end}.gradient.png" for end in ("npy", "csv"))
    assert read_text(named)["kind"] == "signal"
    with Image.open(plain) as first, Image.open(named) as second:
        differs = (np.asarray(first) != np.asarray(second)).any(axis=-1)
    rows = np.flatnonzero(differs[34:].any(axis=1)) + 34  # below the title, which names the file
    assert rows.size, "the names"
    assert all(row < 52 or 139 <= row < 157 for row in rows), "nothing but the names"


def test_of_more_than_a_hundred_windows_none_is_drawn_unless_a_kind_is_named(call, windows):
    def list_planned(*words):
        lines = call("saliency", "m.keras", *words, "-n").out.splitlines()
        return [line for line in lines if line.endswith(".png")]

    assert len(list_planned("w100.npy")) == 100
    assert len(list_planned("w101.npy")) == 0
    assert len(list_planned("w101.npy", "--picture", "signal")) == 101
    result = call("saliency", "m.keras", "w101.npy", "-o", "out")
    assert result.code == 0
    sentence = "no picture is drawn of files with more than 100 samples"
    assert f"{sentence}; --picture signal draws one of each" in result.err
    assert not pictures(windows / "out")
    assert {
        item["picture"] for item in items(call("saliency", "m.keras", "w101.npy", "--json"))
    } == {None}
    assert "more than 100 samples" in call("render", "out").err
    assert not pictures(windows / "out")
    assert call("report", "out").code == 0
