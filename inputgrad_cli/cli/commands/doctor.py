"""`inputgrad doctor`: shows versions, devices and limits of this machine, and what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from inputgrad_cli.cli.options.groups import GroupedCommand
from inputgrad_cli.cli.options.scripts import JsonOptions
from inputgrad_cli.cli.reporters.base import Result
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.signals import allow_interrupt
from inputgrad_cli.cli.terminal import wrap_text
from inputgrad_cli.machine.limits import (
    find_available_cores,
    find_available_memory,
    list_cores,
    list_memory,
)
from inputgrad_cli.version import __version__

PACKAGES = ("tensorflow", "keras", "numpy", "click", "matplotlib", "pillow", "h5py")
LABEL_WIDTH = 14  # columns, before the values


@click.command("doctor", cls=GroupedCommand, groups={"scripts": JsonOptions})
def run_doctor(scripts: JsonOptions) -> int:
    """Show versions, devices, memory, cores and disk; exit with 4 if models cannot be opened."""
    with allow_interrupt("starting TensorFlow"):
        report = _build_report()
    choose_reporters(scripts.json).report(Result(report, lambda width: _format_page(report, width)))
    return 4 if report["problem"] else 0


def _format_page(report: dict[str, Any], width: int) -> str:
    indent = " " * (LABEL_WIDTH + 1)
    return "\n".join(wrap_text(line, width, indent) for line in _yield_lines(report))


def _yield_lines(report: dict[str, Any]) -> Iterator[str]:
    for key, value in report.items():
        if key == "packages":
            yield from (f"{name:{LABEL_WIDTH}} {version}" for name, version in value.items())
        elif key == "limits":
            yield from (
                line for name, limits in value.items() for line in _format_limits(name, limits)
            )
        elif key == "disk_free_bytes":
            yield f"{'disk free':{LABEL_WIDTH}} {value / 2**30:.1f} GiB here"
        elif value and key not in ("cores", "memory_bytes"):  # shown with the limits
            shown = ", ".join(value) if isinstance(value, list) else value
            yield f"{key:{LABEL_WIDTH}} {shown}"
    if not report["problem"]:
        yield "nothing is missing"


def _build_report() -> dict[str, Any]:
    packages = {name: _find_version(name) for name in PACKAGES}
    problem, devices, kernels = _find_devices()
    missing = [name for name, version in packages.items() if version == "missing"]
    usage = shutil.disk_usage(os.getcwd())
    return {
        "inputgrad": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "devices": devices,
        "kernels": kernels,
        "cores": find_available_cores().value,
        "memory_bytes": find_available_memory().value,
        "limits": {
            "cores": [asdict(limit) for limit in list_cores()],
            "memory": [asdict(limit) for limit in list_memory()],
        },
        "disk_free_bytes": usage.free,
        "problem": problem or (f"missing: {', '.join(missing)}" if missing else ""),
    }


def _find_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _format_limits(key: str, limits: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the smallest limit, which is in force, and then all limits if there are several."""
    smallest = min(limits, key=lambda limit: limit["value"])
    yield f"{key:{LABEL_WIDTH}} {_format_amount(key, smallest['value'])}, by {smallest['source']}"
    for limit in limits if len(limits) > 1 else ():
        yield f"{'':{LABEL_WIDTH}} {_format_amount(key, limit['value'])}: {limit['source']}"


def _format_amount(key: str, value: int) -> str:
    return f"{value / 2**30:.1f} GiB" if key == "memory" else str(value)


def _find_devices() -> tuple[str, list[str], str]:
    """Return the problem or an empty text, the devices, and the kernels used on the CPU."""
    from inputgrad_cli import api
    from inputgrad_cli.errors import InputgradError
    from inputgrad_cli.supervision.shared_page import Stage
    from inputgrad_cli.supervision.worker import WORKER

    WORKER.enter_stage(Stage.OPENING)  # a crash here means that no model can be opened
    try:
        return "", api.list_devices(), api.describe_kernels()
    except InputgradError as error:
        return error.format_line(), [], ""
    except ImportError as error:
        return f"TensorFlow cannot be imported: {error}", [], ""
