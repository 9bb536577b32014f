"""The wheel, unpacked outside the checkout, does the main job by itself."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_it_explains_a_copied_sample(wheel, samples, tmp_path, spawn):
    home = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(home)
    for path in (samples / "shapes.keras", samples / "inputs" / "shapes" / "00-cross.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    result = spawn("saliency", "shapes.keras", "00-cross.png", env={"PYTHONPATH": str(home)})
    assert result.code == 0, result.err
    assert (tmp_path / "inputgrad-out" / "00-cross.png.gradient.npz").is_file()
    where = subprocess.run(
        [sys.executable, "-c", "import inputgrad_cli; print(inputgrad_cli.__file__)"],
        env={"PYTHONPATH": str(home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(home))


def test_it_is_typed_and_brings_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "inputgrad_cli/py.typed" in names
    for name in ("template.html.j2", "report.css", "report.js"):
        assert f"inputgrad_cli/report/{name}" in names
    assert not [n for n in names if n.startswith(("tests/", "sample_models/"))]
    entry = next(n for n in names if n.endswith("entry_points.txt"))
    assert b"inputgrad = inputgrad_cli.cli.main:main" in zipfile.ZipFile(wheel).read(entry)
