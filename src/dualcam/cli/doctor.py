"""``dualcam doctor``: facts about this installation, to paste into an issue, and a self-test."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from dualcam._version import __version__
from dualcam.cli.guard import guarded
from dualcam.errors import UnavailableError

_PACKAGES = (
    ("numpy", "numpy", True),
    ("OpenCV", "cv2", True),
    ("tifffile", "tifffile", True),
    ("Pillow", "PIL", True),
    ("isal", "isal", False),
    ("onnxruntime", "onnxruntime", True),
)


def doctor(
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Show versions, memory and devices, and fuse a small generated pair as a self-test.

    The text names no user and no folder: paste it into an issue as it is. Exit code 1 if the self-test fails.
    """
    with guarded(verbose):
        for name, text in facts():
            print(f"{name:<12} {text}", flush=True)

        from dualcam.cli.selftest import check

        verdict = check()
        word = "ok" if verdict.passed else "FAILED"
        print(f"{'self-test':<12} {word} in {verdict.seconds:.1f} s: {_without_home(verdict.text)}")
        if not verdict.passed:
            raise typer.Exit(1)


def facts() -> list[tuple[str, str]]:
    """Collect what matters about this installation: (name, text), nothing that names a person or a folder."""
    packages = [(name, _package(module, needed)) for name, module, needed in _PACKAGES]
    return [
        ("dualcam", __version__),
        (
            "python",
            f"{platform.python_version()} {platform.python_implementation()}, {sys.maxsize.bit_length() + 1} bit",
        ),
        *packages,
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("cpus", _cpus()),
        ("memory", _memory()),
        ("devices", _devices()),
        ("torch", _torch()),
        ("weights", _weights()),
    ]


def _devices() -> str:
    from dualcam.neural.devices import available

    try:
        return ", ".join(available())
    except UnavailableError:
        return "none: ONNX Runtime cannot be imported"


def _torch() -> str:
    """The other engine and its devices; imported, which takes seconds, only where it may find more than the CPU."""
    from dualcam.neural import devices

    version = devices.torch_version()
    if version is None:
        return "not installed"
    try:
        cuda = not version.endswith("+cpu") and devices.torch().cuda.is_available()
    except UnavailableError as error:
        return _without_home(f"{version}, CANNOT BE USED: {error.cause}")
    return (
        f"{version}, for --engine torch: {', '.join((devices.CPU, devices.CUDA) if cuda else (devices.CPU,))}"
    )


def _package(module: str, needed: bool) -> str:
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and not needed:
            return "not installed"
        return _without_home(f"CANNOT BE IMPORTED: {error}")
    return str(getattr(found, "__version__", None) or _installed_version(module))


def _weights() -> str:
    from dualcam.errors import DualcamError
    from dualcam.neural import engine, manifest, session

    if not manifest.there(manifest.SHIPPED):
        return "none: classical method"
    try:
        entries = manifest.read(manifest.SHIPPED)
        engine.load(manifest.SHIPPED)
        for entry in entries.values():
            for one in entry.files:
                session.checked(manifest.SHIPPED / one.file, one.sha256)
    except DualcamError as error:
        # Where the package lies is nobody's business.
        return _without_home(f"CANNOT BE USED: {error.cause}".replace(str(manifest.SHIPPED), "..."))
    runs = dict.fromkeys(f"{entry.run.name} ({entry.run.date})" for entry in entries.values())
    return f"{', '.join(runs)}, checksums as they should be"


def _installed_version(module: str) -> str:
    try:
        return version_of(module)
    except PackageNotFoundError:
        return "version unknown"


def _cpus() -> str:
    total = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else total
    return str(total) if usable == total else f"{usable} of {total} usable"


def _memory() -> str:
    """Total and available memory, as far as the system tells without further packages."""
    try:
        rows = (line.split(":") for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        kib = {name: int(rest.split()[0]) for name, rest in rows}
        return f"{kib['MemTotal'] / 2**20:.1f} GiB, {kib['MemAvailable'] / 2**20:.1f} GiB available"
    except (OSError, ValueError, KeyError, IndexError):
        pass  # not Linux
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def _without_home(text: str) -> str:
    for folder in (str(Path.home()), sys.prefix, os.getcwd()):
        if len(folder) > 1:
            text = text.replace(folder, "...")
    return text
