"""`inputgrad doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from inputgrad_cli.cli.options.shared import json_option
from inputgrad_cli.cli.signals import opening
from inputgrad_cli.cli.terminal import page_width, put, wrapped
from inputgrad_cli.machine.limits import available_cores, available_memory, list_cores, list_memory
from inputgrad_cli.version import __version__

PACKAGES = ("tensorflow", "keras", "numpy", "click", "matplotlib", "pillow", "h5py")


@click.command("doctor")
@json_option
def command(json: bool) -> int:
    """Show versions, devices, threads and disk; exit with 4 if models cannot be opened here."""
    from inputgrad_cli.formats.attribution_npz import dump

    with opening("starting TensorFlow"):
        report = _report()
    if json:
        put(dump(report))
    else:
        put("\n".join(wrapped(line, page_width(), " " * 15) for line in _lines(report)))
    return 4 if report["problem"] else 0


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for key, value in report.items():
        if key == "packages":
            yield from (f"{name:14} {version}" for name, version in value.items())
        elif key == "limits":
            yield from (line for name, limits in value.items() for line in _limits(name, limits))
        elif key == "disk_free_bytes":
            yield f"{'disk free':14} {value / 2**30:.1f} GiB here"
        elif value and key not in ("cores", "memory_bytes"):  # the limits say them
            shown = ", ".join(value) if isinstance(value, list) else value
            yield f"{key:14} {shown}"
    if not report["problem"]:
        yield "nothing is missing"


def _report() -> dict[str, Any]:
    packages = {name: _version(name) for name in PACKAGES}
    problem, devices, kernels = _devices()
    missing = [name for name, version in packages.items() if version == "missing"]
    usage = shutil.disk_usage(os.getcwd())
    return {
        "inputgrad": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "devices": devices,
        "kernels": kernels,
        "cores": available_cores().value,
        "memory_bytes": available_memory().value,
        "limits": {
            "cores": [asdict(limit) for limit in list_cores()],
            "memory": [asdict(limit) for limit in list_memory()],
        },
        "disk_free_bytes": usage.free,
        "problem": problem or (f"missing: {', '.join(missing)}" if missing else ""),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _limits(key: str, limits: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the least of the limits, which holds, and then all that there are."""
    least = min(limits, key=lambda limit: limit["value"])
    yield f"{key:14} {_amount(key, least['value'])}, by {least['source']}"
    for limit in limits if len(limits) > 1 else ():
        yield f"{'':14} {_amount(key, limit['value'])}: {limit['source']}"


def _amount(key: str, value: int) -> str:
    return f"{value / 2**30:.1f} GiB" if key == "memory" else str(value)


def _devices() -> tuple[str, list[str], str]:
    """Return the problem if there is one, the devices, and the kernels that a CPU computes with."""
    from inputgrad_cli import api
    from inputgrad_cli.errors import InputgradError
    from inputgrad_cli.supervision.shared_page import Stage
    from inputgrad_cli.supervision.worker import WORKER

    WORKER.enter(Stage.OPENING)  # no model opens here where TensorFlow kills its process
    try:
        return "", api.devices(), api.kernels()
    except InputgradError as error:
        return error.sentence(), [], ""
    except ImportError as error:
        return f"TensorFlow cannot be imported: {error}", [], ""
