"""Runs the command in processes that are born with everything imported, save TensorFlow.

`python -m tests.faults.server` forks a child for each line of JSON on stdin, and answers with how
the child ended. With words behind it, it is the command itself in this one process.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import engine, shim

SETTINGS = "INPUTGRAD_TEST_SETTINGS"
FILE_ACCESS = (1 << 1) | (1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@dataclass
class Settings:
    """What is done to a process before the command runs in it.

    `fault` are the fields of a Shim. `largest` is RLIMIT_FSIZE, `memory` how many bytes may be
    mapped beyond those at the start. `plain` takes from root what lets it read and write every
    file. A pass takes `seconds`; a `sealed` engine cannot be loaded, an `uncompiled` one cannot run
    with oneDNN's kernels. `crash` and `opening` are signals that end the process at a poisoned
    picture, and while the model is opened, where it may be `stuck` as well. `kill` is after how
    many seconds `signal` comes, counted from when the file `growing` grows where one is named.
    `closed` are descriptors that the caller closed. At its end the process writes its most memory
    to the file `peak`, and what it imported to the file `modules`.
    """

    fault: dict = field(default_factory=dict)
    largest: int = 0
    memory: int = 0
    plain: bool = False
    sealed: bool = False
    crash: int = 0
    opening: int = 0
    stuck: str = ""
    uncompiled: bool = False
    seconds: float = 0.0
    kill: float = 0.0
    signal: int = signal.SIGKILL
    growing: str = ""
    closed: list[int] = field(default_factory=list)
    peak: str = ""
    modules: str = ""


def prepare(settings: Settings) -> None:
    """Set this process up."""
    names = ("seconds", "sealed", "crash", "opening", "stuck", "uncompiled")
    engine.install(**{name: getattr(settings, name) for name in names})
    if settings.largest:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (settings.largest,) * 2)
    if settings.memory:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + settings.memory,) * 2)
    if settings.plain and os.geteuid() == 0:
        _renounce()
    if settings.fault:
        fault = dict(settings.fault)
        folder, report = Path(os.path.abspath(fault.pop("folder"))), fault.pop("report", None)
        shim.install(shim.Shim(folder, report=Path(report) if report else None, **fault))
    if settings.kill:
        # Python loses a file that is being opened when a signal comes, by default silently.
        warnings.simplefilter("ignore", ResourceWarning)
        _start_killer(settings)
    for descriptor in settings.closed:
        os.close(descriptor)
        setattr(sys, ("stdin", "stdout", "stderr")[descriptor], None)


def _start_killer(settings):
    """Start a process that kills this one: the command forks, and threads do not go along."""
    victim = os.getpid()
    if os.fork():
        return
    growing = Path(settings.growing) if settings.growing else None
    before = _size(growing) if growing else 0
    while growing and _size(growing) <= before and os.getppid() == victim:
        time.sleep(0.001)
    time.sleep(settings.kill)
    if os.getppid() == victim:
        os.kill(victim, settings.signal)
    os._exit(0)


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _renounce():
    """Give up the two powers by which root passes over the permissions of files (Linux)."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    get, put = {"x86_64": (125, 126), "aarch64": (90, 91)}[os.uname().machine]
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    if call(get, head, sets) or ctypes.get_errno():
        raise OSError(ctypes.get_errno(), "capget")
    for position in range(3):
        sets[position] &= ~FILE_ACCESS
    if call(put, head, sets):
        raise OSError(ctypes.get_errno(), "capset")


def command(words):
    """Run the command as `inputgrad` does, to the end of the process."""
    from inputgrad_cli.cli import main

    sys.argv = ["inputgrad", *words]
    main.main()


def child(request):
    """Run one request in the process that was forked for it."""
    os.chdir(request["cwd"])
    for name, value in request.get("env", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    settings = Settings(**request.get("settings", {}))
    if settings.peak or settings.modules:
        _tell_at_end(settings)
    prepare(settings)
    command(request["words"])


def _tell_at_end(settings):
    """Have this process write down what it held, as it ends."""
    from inputgrad_cli.cli import main
    from tests.peak_memory import peak

    peak(anew=True)
    leave = main.leave

    def telling(code):
        if settings.peak:
            Path(settings.peak).write_text(str(peak()))
        if settings.modules:
            Path(settings.modules).write_text(json.dumps(sorted(sys.modules)))
        leave(code)

    main.leave = telling


def serve():
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "import" in request:
            for name in request["import"]:
                __import__(name)
            print(json.dumps({}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                child(request)
            except KeyboardInterrupt:  # before the command could hear it
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os._exit(99)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        prepare(Settings(**json.loads(os.environ.get(SETTINGS, "{}"))))
        command(sys.argv[1:])
    serve()
