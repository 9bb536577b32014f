"""What is told, drawn and done anew when a run has been there before, or has failed."""

import numpy as np

from . import draw, items


def test_another_target_for_a_sample_in_a_file_is_noticed(call, samples, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(2, 6)).astype("f4"))
    table = tmp_path / "t.csv"
    words = ("saliency", samples / "two_heads.keras", "x.npy", "-t", "file:t.csv", "--json")
    for first, second, status in ((1, 2, "ok"), (1, 2, "skipped"), (0, 2, "ok")):
        rows = ["input,target", f"x.npy#0,kind/class:{first}", f"x.npy#1,kind/class:{second}"]
        table.write_text("\n".join(rows) + "\n")
        done = call(*words)
        assert done.code == 0, done.err
        assert {item["status"] for item in items(done)} == {status}


def test_a_run_scale_over_nothing_ends_as_the_run_did(call, samples, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    done = call("saliency", samples / "shapes.keras", "a.png", "--scale", "run", "--json")
    assert done.code == 3
    assert done.events("summary")[0]["failed"] == 1


def test_render_draws_what_saliency_would_and_is_believed(call, samples, tmp_path):
    array = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype("f4")
    array[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "many.npy", array)
    draw(tmp_path / "a.png")
    words = ("saliency", samples / "shapes.keras", "many.npy", "a.png")
    assert call(*words, "--picture", "none").code == 3
    assert call("render", "inputgrad-out").code == 0
    drawn = sorted(path.name for path in (tmp_path / "inputgrad-out").glob("*.png"))
    assert drawn == [
        "a.png.gradient.png",
        "many.npy.gradient.0.png",
        "many.npy.gradient.2.png",
    ]
    again = call(*words, "--json")
    assert "undrawn" not in {warning["code"] for warning in again.events("warning")}


def test_grad_cam_with_respect_to_a_layer_is_that_of_the_layer(call, samples, tmp_path):
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    words = ("saliency", samples / "shapes.keras", picture, "--picture", "none")
    layer = "relu6"
    assert call(*words, "-m", f"grad-cam:layer={layer}", "-o", "named").code == 0
    assert call(*words, "-m", "grad-cam", "--wrt", f"layer:{layer}", "-o", "wrt").code == 0
    named, wrt = (
        np.load(tmp_path / out / "00-cross.png.grad-cam.npz")[f"layer:{layer}"]
        for out in ("named", "wrt")
    )
    assert named.shape == (8, 8)
    np.testing.assert_allclose(wrt, named, atol=1e-5 * named.max())


def test_a_picture_kind_that_is_not_there_yet_is_said_once(call, samples, tmp_path):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.ones((2, 6), "f4"))
    words = ("saliency", samples / "two_heads.keras", "a.npy", "b.npy", "-t", "kind/class:1")
    done = call(*words, "-m", "gradient", "-m", "input-x-gradient", "-o", "a")
    assert done.err.count("no kind of picture") == 1
    quiet = ((("-q",), "b"), (("--picture", "none"), "c"), (("--json",), "d"))
    for more, out in quiet:
        assert "no kind of picture" not in call(*words, *more, "-o", out).err


def test_where_pictures_are_drawn_nothing_is_said_of_kinds(call, samples, tmp_path):
    draw(tmp_path / "a.png")
    assert call("saliency", samples / "shapes.keras", "a.png", "-m", "grad-cam").err == ""
