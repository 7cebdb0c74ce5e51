"""Fixtures that tests of several stages share."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

# Every process that a test starts adds in the same order, and parallel processes do not slow each other down.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sla_cli  # noqa: F401, I001  sets limits of OpenCV, which reads them when it is imported
import cv2
import numpy as np
from forked import TERMINAL
from hypothesis import HealthCheck, settings
from json_schemas import check_printed
from tiny_work import FOLDER
from typer.testing import CliRunner

from sla_cli.system.workers import usable_cores

# Collecting the tests makes some 700,000 objects that stay, which the garbage collector would visit again and again:
# a third of the time of a start. It goes on for what tests make: see `pytest_runtestloop`.
gc.disable()

# A busy machine is no fault: a property has no time limit, neither for an example nor for drawing one. Nor is it one if
# many examples in a row happen to be unfit or too long.
CHANCE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("sla", deadline=None, suppress_health_check=CHANCE)
settings.load_profile("sla")

CHROMIUM = Path("/usr/bin/chromium")
ONLY_CI = {"browser", "sdist", "limited"}  # fixtures that start a browser, a build or another Python
LEFT_OUT = pytest.StashKey[int]()  # how many tests with the marker `ci` were not selected

Rows = Mapping[str, Sequence[tuple[str, str, int]]]

ROWS: Rows = {
    "train": [
        ("01April_2010_Thursday_heute_default-0", "HEUTE REGEN NORD", 16),
        ("01April_2010_Thursday_heute_default-2", "MORGEN  SONNE SUED ", 20),
        ("02May_2010_Sunday_tagesschau_default-1", "NULL GRAD REGEN REGEN", 24),
    ],
    "dev": [("03June_2011_Friday_heute_default-4", "SONNE NORD", 12)],
    "test": [("04July_2011_Monday_heute_default-5", "REGEN HEUTE", 13)],
}


def pytest_configure(config: pytest.Config) -> None:
    """A folder for what all processes of this session share; they inherit its name."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="sla-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(FOLDER)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores, since tests wait for disks and for processes that they start."""
    return usable_cores() + 1


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that is marked with a package that is not installed."""
    for mark in item.iter_markers("needs"):
        pytest.importorskip(*mark.args)


@pytest.hookimpl(tryfirst=True)  # before pytest selects by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by fixtures what only CI runs. Run long files first: if one started last, the other processes would wait."""
    for item in items:
        if ONLY_CI & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.ci)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """In each process of xdist, and in their main one."""
    gc.freeze()
    gc.enable()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the tests that only CI runs; a process of xdist tells the main one."""
    if items:
        config = items[0].config
        left_out = sum(item.get_closest_marker("ci") is not None for item in items)
        config.stash[LEFT_OUT] = config.stash.get(LEFT_OUT, 0) + left_out
        getattr(config, "workeroutput", {})["left_out"] = config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash.get(LEFT_OUT, 0):
        what = "browser, site, wheel, compiled blocks, benchmarks, examples, the commands of the pages, other Pythons"
        terminalreporter.write_line(
            f"left out: {left_out} tests of what only CI runs ({what}); `pytest -m ci` runs them"
        )


@pytest.fixture(scope="session", autouse=True)
def _json_is_as_its_schema_says() -> Iterator[None]:
    """Compare the output of every command that a test runs with `--json` with the schemas of that command."""
    invoke = CliRunner.invoke

    def checked(runner: CliRunner, app: Any, args: Any = None, **options: Any) -> Any:
        result = invoke(runner, app, args, **options)
        if args and not isinstance(args, str):
            check_printed(args, result.stdout)
        return result

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(CliRunner, "invoke", checked)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared material next to the repository, which is not part of it."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}")
    return folder


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """SIGINT and SIGHUP act as in a terminal, here and in processes that a test starts by subprocess."""
    before = {number: signal.signal(number, action) for number, action in TERMINAL.items()}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The result of the demo on few clips (sla_cli.demo.figures.DemoFigures), made once for all processes of xdist.

    Tests copy its folder before they change something.
    """
    from few_clips import made_once

    common = tmp_path_factory.getbasetemp()
    return made_once(common.parent if "PYTEST_XDIST_WORKER" in os.environ else common)


@pytest.fixture(scope="session")
def network_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Runs code in processes for which all disks are network disks (shim.NetworkDisk)."""
    import shim

    with shim.network_disk(tmp_path_factory.mktemp("shim")) as disk:
        yield disk


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from the registry of npm."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm, which fetches axe-core")
    command = ["timeout", "120", npm, "pack", "axe-core@4", "--silent"]
    got = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if got.returncode or not archives:
        pytest.skip("axe-core cannot be fetched from the registry of npm")
    shutil.unpack_archive(archives[0], folder, filter="data")
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB, which only root can mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def close_folder(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """A function after which a folder cannot be listed. Simulated, since root may list all."""

    def close(folder: Path) -> None:
        scandir = os.scandir

        def closed(path: str | Path = ".") -> Any:
            if Path(path) == folder:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", closed)

    return close


@pytest.fixture
def limit_processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function after which so many more processes can be started. Simulated, since `ulimit -u` does not bind root."""

    def limit(most: int) -> None:
        resource_tracker.ensure_running()
        left = iter(range(most))
        for where in ("os.fork", "multiprocessing.util.spawnv_passfds"):
            monkeypatch.setattr(where, partial(_start, left, resolve_name(where)))

    return limit


def _start(left: Iterator[int], start: Callable[..., int], *arguments: Any) -> int:
    if next(left, None) is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return start(*arguments)


@pytest.fixture(scope="session")
def phoenix_tree() -> Callable[..., Path]:
    """A function that makes a tree in Phoenix2014's layout and returns its multisigner folder."""
    return _phoenix_tree


def _phoenix_tree(folder: Path, rows: Rows = ROWS, *, size: int = 48, alike: bool = False) -> Path:
    """Make `folder`/phoenix-2014-multisigner.

    Args:
        rows: split to (id, annotation, frames) of its clips.
        size: height of the pictures; their width is smaller, as in the released corpus.
        alike: all frames are links to one file, so large trees are cheap.
    """
    root = folder / "phoenix-2014-multisigner"
    manual = root / "annotations" / "manual"
    manual.mkdir(parents=True)
    one = root / "frame.png"
    one.write_bytes(_picture(size, 0))
    for split, clips in rows.items():
        table = ["id|folder|signer|annotation"]
        for number, (clip, glosses, frames) in enumerate(clips):
            table.append(f"{clip}|{clip}/1/*.png|Signer0{1 + number % 9}|{glosses}")
            frame_folder = root / "features" / "fullFrame-210x260px" / split / clip / "1"
            frame_folder.mkdir(parents=True)
            for time in range(frames):
                frame = frame_folder / f"{clip}.avi_pid0_fn{time:06d}-0.png"
                if alike:
                    os.link(one, frame)
                else:
                    frame.write_bytes(_picture(size, 7 * number + time))
        (manual / f"{split}.corpus.csv").write_text("".join(f"{line}\n" for line in table), encoding="utf-8")
    return root


def _picture(size: int, time: int) -> bytes:
    """A PNG of a disc on a smooth background; the disc moves with time."""
    height, width = size, max(1, size * 210 // 260)
    y, x = np.mgrid[:height, :width] / size
    image = np.stack([90 + 60 * x, 120 + 50 * y, 100 + 40 * (x + y) / 2], axis=-1).astype(np.uint8)
    centre = (int(width * (0.5 + 0.3 * np.cos(time / 5))), int(height * (0.5 + 0.3 * np.sin(time / 5))))
    cv2.circle(image, centre, max(1, size // 8), (180, 190, 230), -1, cv2.LINE_AA)
    return cv2.imencode(".png", image)[1].tobytes()
