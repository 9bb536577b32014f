"""`inputgrad doctor`: shows versions, devices and limits of this machine, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import click

from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Result
from inputgrad_cli.cli.signals import allow_interrupt
from inputgrad_cli.cli.terminal_output import wrap_text
from inputgrad_cli.machine.memory_and_core_limits import (
    Limit,
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
    choose_reporters(scripts.json).report(Result(report.to_record(), report.format_page))
    return 4 if report.problem else 0


@dataclass(frozen=True)
class MachineReport:
    """What inputgrad finds on this machine; `problem` is empty if models can be opened."""

    packages: Mapping[str, str]
    devices: Sequence[str]
    kernels: str
    cores: Sequence[Limit]
    memory: Sequence[Limit]
    disk_free_bytes: int
    problem: str

    def to_record(self) -> Mapping[str, object]:
        """Return the JSON."""
        return {
            "inputgrad": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": self.packages,
            "devices": self.devices,
            "kernels": self.kernels,
            "cores": find_available_cores().value,
            "memory_bytes": find_available_memory().value,
            "limits": {
                "cores": [asdict(limit) for limit in self.cores],
                "memory": [asdict(limit) for limit in self.memory],
            },
            "disk_free_bytes": self.disk_free_bytes,
            "problem": self.problem,
        }

    def format_page(self, width: int) -> str:
        """Return the text; what was not found has no line."""
        indent = " " * (LABEL_WIDTH + 1)
        return "\n".join(wrap_text(line, width, indent) for line in self._yield_lines())

    def _yield_lines(self) -> Iterator[str]:
        yield _format_line("inputgrad", __version__)
        yield _format_line("python", platform.python_version())
        yield _format_line("platform", platform.platform())
        yield from (_format_line(name, version) for name, version in self.packages.items())
        for label, text in (("devices", ", ".join(self.devices)), ("kernels", self.kernels)):
            if text:
                yield _format_line(label, text)
        yield from _format_limits("cores", self.cores)
        yield from _format_limits("memory", self.memory)
        yield _format_line("disk free", f"{_format_gibibytes(self.disk_free_bytes)} here")
        yield _format_line("problem", self.problem) if self.problem else "nothing is missing"


def _build_report() -> MachineReport:
    packages = {name: _find_version(name) for name in PACKAGES}
    problem, devices, kernels = _find_devices()
    missing = [name for name, version in packages.items() if version == "missing"]
    return MachineReport(
        packages=packages,
        devices=devices,
        kernels=kernels,
        cores=list_cores(),
        memory=list_memory(),
        # Of the working directory, which is where results are written by default.
        disk_free_bytes=shutil.disk_usage(os.getcwd()).free,
        problem=problem or (f"missing: {', '.join(missing)}" if missing else ""),
    )


def _find_version(name: str) -> str:
    import importlib.metadata  # slow, and not needed by --help

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _format_line(label: str, text: str) -> str:
    return f"{label:{LABEL_WIDTH}} {text}"


def _format_limits(key: str, limits: Sequence[Limit]) -> Iterator[str]:
    """Yield the smallest limit, which is in force, and then all limits if there are several."""
    smallest = min(limits, key=lambda limit: limit.value)
    yield _format_line(key, f"{_format_amount(key, smallest.value)}, by {smallest.source}")
    for limit in limits if len(limits) > 1 else ():
        yield _format_line("", f"{_format_amount(key, limit.value)}: {limit.source}")


def _format_amount(key: str, value: int) -> str:
    return _format_gibibytes(value) if key == "memory" else str(value)


def _format_gibibytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _find_devices() -> tuple[str, list[str], str]:
    """Return the problem or an empty text, the devices, and the kernels used on the CPU."""
    from inputgrad_cli import api
    from inputgrad_cli.errors import InputgradError
    from inputgrad_cli.supervision.shared_memory_page import Stage
    from inputgrad_cli.supervision.worker_state_reporting import WORKER

    WORKER.enter_stage(Stage.OPENING)  # a crash here means that no model can be opened
    try:
        return "", api.list_devices(), api.describe_kernels()
    except InputgradError as error:
        return error.format_line(), [], ""
    except ImportError as error:
        return f"TensorFlow cannot be imported: {error}", [], ""
