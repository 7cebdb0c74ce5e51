"""Work done in this process, in local ones and on a Dask cluster is the same work; a death costs one item."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dask
import pytest
from dask.distributed import Client, LocalCluster, SchedulerPlugin
from pool_functions import DeadlySource, die, process_id, refuse, square
from prep_work import build, digests

from sla_cli import __version__
from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError
from sla_cli.prep.corpora import corpora, find_corpus
from sla_cli.prep.corpus import Listing
from sla_cli.prep.encoding.dask_cluster import DaskCluster, connect
from sla_cli.prep.encoding.process_pool import Executor, Failure, ProcessPool

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A scheduler and two worker processes with nannies, which start a dead worker again.

    The scheduler gives up all work that a dead worker had, at its first death. A cluster permanently drops a worker
    that has not come back 15 s after it died, even if it is starting again: here it never does.
    """
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.deploy.lost-worker-timeout": "1 hour"}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module", params=["one", "two", "dask"])
def engine(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "dask":
        made: Executor = DaskCluster(request.getfixturevalue("cluster").scheduler_address)
    else:
        made = ProcessPool(1 if request.param == "one" else 2)
    with closing(made):
        yield made


@pytest.mark.parametrize("most", [0, 1])
def test_a_process_that_cannot_be_started_is_said(most: int, limit_processes: Callable[[int], None]) -> None:
    limit_processes(most)
    with closing(ProcessPool(2)) as pool, pytest.raises(SlaError, match="a process cannot be started"):
        dict(pool.run(square, range(4)))


def test_no_module_of_the_current_folder_is_run(tmp_path: Path) -> None:
    """Which may be somebody's corpus. What multiprocessing imports in a new process, before it knows the path."""
    here = tmp_path / "here"
    here.mkdir()
    for name in ("multiprocessing", "pickle", "socket", "struct"):
        (here / f"{name}.py").write_text("open('run', 'w')")
    (tmp_path / "program.py").write_text(
        "import os\n"
        "from sla_cli.prep.encoding.process_pool import ProcessPool\n"
        "if __name__ == '__main__':\n"
        "    before = dict(os.environ)\n"
        "    pool = ProcessPool(2)\n"
        "    assert dict(pool.run(abs, [-1, -2])) == {-1: 1, -2: 2}\n"
        "    pool.close()\n"
        "    assert os.environ == before\n"  # else programs that the caller starts find no modules beside them
    )
    subprocess.run([sys.executable, tmp_path / "program.py"], cwd=here, check=True)
    assert not (here / "run").exists()


def test_every_item_is_answered(engine: Executor) -> None:
    assert dict(engine.run(square, range(50))) == {number: number**2 for number in range(50)}
    assert list(engine.run(square, [])) == []


def test_what_the_function_raises_is_raised(engine: Executor) -> None:
    with pytest.raises(SlaError, match="three is refused") as caught:
        list(engine.run(refuse, range(50)))
    assert caught.value.hint == "Take four."
    assert dict(engine.run(square, [1, 2])) == {1: 1, 2: 4}, "and the engine is still good"


@pytest.mark.parametrize("engine", ["two", "dask"], indirect=True)
def test_a_death_costs_its_item_one_more_try(engine: Executor, tmp_path: Path) -> None:
    answers = dict(engine.run(partial(die, folder=tmp_path, deaths=1), range(8)))
    assert answers == {number: number for number in range(8)}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("engine", ["two", "dask"], indirect=True)
def test_an_item_that_kills_again_and_again_is_given_up(engine: Executor, tmp_path: Path) -> None:
    answers = dict(engine.run(partial(die, folder=tmp_path, deaths=99), range(8)))
    assert isinstance(answers.pop(3), Failure)
    assert answers == {number: number for number in range(8) if number != 3}


@pytest.mark.parametrize("engine", ["two"], indirect=True)
def test_a_process_that_dies_idle_is_replaced(engine: Executor) -> None:
    pids = {pid for _, pid in engine.run(process_id, range(6)) if isinstance(pid, int)}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    while any(is_there(pid) for pid in pids):
        time.sleep(0.01)
    assert dict(engine.run(square, [1, 2, 3])) == {1: 1, 2: 4, 3: 9}


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.prep.encoding.dask_cluster.CONNECT", 0.5)
    with pytest.raises(SlaError, match=r"no Dask scheduler answers at .tcp://127\.0\.0\.1:1."):
        DaskCluster("tcp://127.0.0.1:1")
    with pytest.raises(SlaError, match="no Dask scheduler answers at 'nonsense://here'"):
        DaskCluster("nonsense://here")
    with pytest.raises(SlaError, match=r"no Dask scheduler answers at 'tls://127\.0\.0\.1:1': TLS expects"):
        DaskCluster("tls://127.0.0.1:1")


@pytest.mark.parametrize(
    ("banner", "reason"), [(b"", "$"), (b"SSH-2.0-OpenSSH_9.2p1\r\n", ": what is there speaks another protocol$")]
)
def test_a_server_that_is_no_scheduler(monkeypatch: pytest.MonkeyPatch, banner: bytes, reason: str) -> None:
    monkeypatch.setattr("sla_cli.prep.encoding.dask_cluster.CONNECT", 30.0 if banner else 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        met: list[socket.socket] = []

        def greet() -> None:
            met.append(server.accept()[0])
            met[0].sendall(banner)

        greeter = threading.Thread(target=greet)
        greeter.start()
        with pytest.raises(SlaError) as refused:
            DaskCluster(f"tcp://127.0.0.1:{port}")
        socket.create_connection(("127.0.0.1", port)).close()  # the greeter waits if the other gave up before it came
        greeter.join()
        met[0].close()
    assert re.search(f"no Dask scheduler answers at 'tcp://127.0.0.1:{port}'{reason}", refused.value.message)


class Talkative(SchedulerPlugin):
    """Tells all clients something while the first new one is on its way in."""

    name = "talkative"

    def __init__(self) -> None:
        self.calls = 0

    def add_client(self, scheduler: Any, client: str) -> None:
        if not self.calls:
            self.calls += 1
            scheduler.loop.add_callback(scheduler.report, {"op": "cancelled-keys", "keys": ["another-one"]})


def test_a_client_comes_in_while_the_scheduler_tells_all_clients_something(cluster: LocalCluster) -> None:
    plugin = Talkative()
    cluster.scheduler.add_plugin(plugin)
    gc.collect()  # those of other tests
    gc.disable()  # else the failed client may be gone by chance
    before = clients()
    try:
        with closing(DaskCluster(cluster.scheduler_address)) as engine:
            assert (plugin.calls, clients()) == (1, before + 1), "the failed client is left to be collected at any time"
            assert dict(engine.run(square, [1, 2])) == {1: 1, 2: 4}
    finally:
        gc.enable()
        cluster.scheduler.remove_plugin(plugin.name)


def clients() -> int:
    return sum(type(one) is Client for one in gc.get_objects())


def test_a_folder_that_a_worker_does_not_see_stops_the_work(root: Path, tmp_path: Path) -> None:
    class Elsewhere(ProcessPool):
        """A machine that does not share the folder."""

        def run(self, function: Any, items: Any) -> Any:
            for spool in (tmp_path / "store").glob(".spool-*"):
                spool.rename(tmp_path / "not-shared")
            yield from super().run(function, items)

    with pytest.raises(SlaError, match=r"cannot access .*\.spool-"):
        build(root, tmp_path / "store", engine=Elsewhere(1))


def test_a_cluster_makes_the_same_store(cluster: LocalCluster, made: Path, root: Path, tmp_path: Path) -> None:
    config = PrepConfig(32, quality=90, shard_clips=1)
    build(root, tmp_path / "local", config=config)
    build(root, tmp_path / "whole", engine=DaskCluster(cluster.scheduler_address))
    build(root, tmp_path / "shards", config=config, engine=DaskCluster(cluster.scheduler_address))
    assert digests(tmp_path / "whole") == digests(made)
    assert digests(tmp_path / "shards") == digests(tmp_path / "local")


def test_a_clip_that_kills_its_workers_is_named_and_costs_no_other(
    made: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLA_TEST_PARENT", str(os.getpid()))
    phoenix = find_corpus("phoenix2014")

    def read(tree: object, wanted: object) -> Listing:
        listing = phoenix.read(tree, wanted)  # type: ignore[arg-type]
        old = listing.clips[1]
        source = DeadlySource(old.source.root, old.source.path)
        listing.clips[1] = Clip(old.id, old.signer, old.glosses, source, "", old.where)
        return listing

    monkeypatch.setitem(corpora(), "phoenix2014", replace(phoenix, read=read))
    out = tmp_path / "store"
    outcome = build(root, out, jobs=2, on_error="skip")
    assert outcome.divisions["multisigner"].clips == {"train": 2, "dev": 1, "test": 1}
    (reason,) = outcome.failed.values()
    assert "train.corpus.csv, line 3" in reason
    assert "died" in reason
    assert digests(out)["dev"] == digests(made)["dev"]


@pytest.fixture
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler without workers, in a separate process, and its address."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    command = [sys.executable, "-m", "dask", "scheduler", "--no-dashboard", "--port", "0"]
    with subprocess.Popen([*command, "--scheduler-file", str(file)], cwd="/", stderr=subprocess.DEVNULL) as process:
        try:
            while not file.is_file() or not file.stat().st_size:
                assert process.poll() is None
                time.sleep(0.05)
            yield process, json.loads(file.read_text())["address"]
        finally:
            process.kill()


@contextmanager
def workers(address: str, folder: Path, *changes: str) -> Iterator[None]:
    """Workers, each with a change that its Python runs as it starts."""
    with connect(address) as client:
        before = len(client.nthreads())
        with ExitStack() as processes:
            started = [
                processes.enter_context(worker(address, folder / str(number), change))
                for number, change in enumerate(changes, before)
            ]
            while len(client.nthreads()) < before + len(changes):
                assert all(process.poll() is None for process in started)
                time.sleep(0.05)
            yield
        while len(client.nthreads()) > before:  # the scheduler has not yet missed them
            time.sleep(0.05)


@contextmanager
def worker(address: str, folder: Path, change: str) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(change, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[3])])}
    command = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    with subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:  # else leaving the block waits for a process that nobody ends
            process.kill()


OLDER = "import sla_cli; sla_cli.__version__ = '0.0.9'"
OTHERS = (
    "import numpy, h5py; numpy.__version__ = '9.9'; h5py.__version__ = '8.8'",
    "import sys; sys.modules['sla_cli'] = None",
)


def test_workers_of_other_versions_get_no_work(scheduler: tuple[subprocess.Popen[bytes], str], tmp_path: Path) -> None:
    """One that joins later is named when it gets work, those that are there are named before."""
    _, address = scheduler
    with closing(DaskCluster(address)) as engine, workers(address, tmp_path, OLDER):
        with pytest.raises(SlaError, match=rf"worker tcp://\S+ has other .*: sla 0\.0\.9, here {__version__}"):
            list(engine.run(abs, range(5)))
        with workers(address, tmp_path, "", *OTHERS), pytest.raises(SlaError) as caught:
            DaskCluster(address)
    assert f"other versions than here on 3 of 4 workers at {address}: tcp://" in caught.value.message
    for reported in (f"(sla 0.0.9, here {__version__})", "NumPy 9.9, here ", "it cannot report them: "):
        assert reported in caught.value.message
    assert "Install the same" in caught.value.hint


def test_a_scheduler_that_lacks_something_or_goes_away_is_reported(
    scheduler: tuple[subprocess.Popen[bytes], str],
) -> None:
    """The engine waits for workers, but not forever."""
    process, address = scheduler
    with closing(DaskCluster(address)) as engine:
        with pytest.raises(SlaError, match="cannot import what it needs: No module named 'pool_functions'"):
            list(engine.run(square, range(5)))  # it knows sla, and no module of tests
        threading.Timer(0.5, process.kill).start()
        with pytest.raises(SlaError, match=r"the connection to the Dask scheduler at tcp://.* is lost"):
            list(engine.run(abs, range(5)))
