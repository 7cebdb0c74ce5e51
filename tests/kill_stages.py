"""Kill each stage at random moments and run it again; then run it twice at once. Its artifacts are always the same.

    PYTHONPATH=. python tests/kill_stages.py FOLDER [KILLS] [SEED] [STAGE...]

KILLS of each stage; prints a line of JSON for each. A stage runs in a process that was forked from this one, which has
everything imported, so that what is killed is the stage and not Python's start.
"""

from __future__ import annotations

import json
import os
import pkgutil
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import tiny_work
import torch
from elan_files import undated
from recordings import signed
from safetensors.numpy import load_file
from typer.testing import CliRunner

import sla_cli
from sla_cli.cli.main import app
from sla_cli.core.digest import digest_bytes

LIMIT = 120.0  # seconds that a stage may take
CHANGING = ("tensorboard/", "steps.tsv", ".lock", "newest-elsewhere", "printed-")
TIMED = ("started", "finished", "seconds", "environment", "checksum")  # of receipts
SETTINGS = [part for setting in tiny_work.TINY for part in ("--set", setting)]
RUN = ("--preset", "tiny", "--variant", "adapter", "--epochs", "2", "--name", "r", "--set", "train.save_minutes=0.0")
EMISSIONS = "work/emissions/r/dev.h5"


class Stage(NamedTuple):
    """A stage, its command, and the command after it was killed, if it is different."""

    name: str
    command: Sequence[str]
    again: Sequence[str] = ()


STAGES = (
    Stage("prep", ("prep", "phoenix2014", "corpus", "--size", "32", "--name", "s", "-j", "1")),
    Stage("split", ("split", "work/stores/s", "--by", "random", "--fold", "1/3")),
    Stage("lm", ("lm", "estimate", "work/stores/s", "--order", "2", "--fallback")),
    Stage("train", ("train", "work/stores/s", *RUN, *SETTINGS), ("train", "--resume", "--name", "r")),
    Stage("emit", ("emit", "work/runs/r")),
    Stage("tune", ("tune", EMISSIONS, "--lm", "gloss.arpa", "--alphas", "0,1", "--betas", "0", "-j", "1")),
    Stage("decode", ("decode", EMISSIONS, "-j", "1", "-o", "one.tsv")),
    Stage("score", ("score", "one.tsv")),
    Stage("compare", ("compare", "one.tsv", "one.tsv", "-o", "compared.tsv")),
    Stage("report", ("report", "-o", "page.html", "--clips", "2")),
    Stage("align", ("align", EMISSIONS)),
    Stage("transcribe", ("transcribe", "v.avi", "--run", "work/runs/r", "--device", "cpu", "-o", "v.eaf")),
    Stage("merge", ("merge", "work/stores/s", "work/stores/other", "--name", "m")),
    Stage("export", ("store", "export", "work/stores/s", "-j", "1")),
)


def main() -> None:
    folder, kills, seed = Path(sys.argv[1]), int((*sys.argv, "2")[2]), int((*sys.argv, "2", "0")[3])
    wanted = sys.argv[4:] or [stage.name for stage in STAGES]
    torch.set_num_threads(1)  # a forked process has no other threads
    for module in pkgutil.walk_packages(sla_cli.__path__, "sla_cli."):
        if not module.name.endswith(("__main__", "dask_cluster")):
            import_module(module.name)  # else each forked process would import what it needs
    box, moments = folder / "box", random.Random(seed)
    tiny_work.draw(folder / "corpus")
    box.mkdir()
    (box / "corpus").symlink_to(folder / "corpus")  # no stage changes it
    os.chdir(box)
    os.environ |= {"SLA_WORK": "work", "HF_HUB_OFFLINE": "1"}
    signed(box / "v.avi", "NORD REGEN")
    _run(("prep", "phoenix2014", "corpus", "--size", "32", "--name", "other", "--quality", "95", "-j", "1"))
    for stage in STAGES:
        before = folder / "before" / stage.name
        shutil.copytree(box, before, symlinks=True)
        begun = time.monotonic()
        _run(stage.command)
        seconds, whole = time.monotonic() - begun, content(box)
        if stage.name in wanted:
            for _ in range(kills):
                _kill(stage, before, box, whole, moments.uniform(0, seconds))
            refused = _twice(stage, before, box, whole)
            reported = {"stage": stage.name, "seconds": round(seconds, 2), "refused": refused}
            sys.stdout.write(json.dumps(reported) + "\n")
            sys.stdout.flush()
        shutil.rmtree(before)
        for printed in box.glob("printed-*"):
            printed.unlink()


def _kill(stage: Stage, before: Path, box: Path, whole: dict[str, str], delay: float) -> None:
    """Kill a stage after a time, or earlier if it has ended by then; run it again, and compare."""
    while True:
        _laid(before, box)
        child = _fork(stage.command)
        time.sleep(delay)
        os.killpg(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL:
            break
        delay /= 2
    code = _run(stage.command, (0, 2))
    if code:  # it says what continues it, or that its file is there already
        _run(stage.again or (*stage.command, "--force"))
    _check_same(content(box), whole, f"{stage.name} after a kill at {delay:.2f} s")


def _twice(stage: Stage, before: Path, box: Path, whole: dict[str, str]) -> int:
    """Run a stage in two processes at once, and compare. Returns how many of them were refused."""
    _laid(before, box)
    codes = [_ended(child) for child in [_fork(stage.command), _fork(stage.command)]]
    assert sorted(codes) in ([0, 0], [0, 2]), f"{stage.name}, two at once: exit {codes}\n{_said()}"
    _check_same(content(box), whole, f"{stage.name}, two at once")
    return codes.count(2)


def content(box: Path) -> dict[str, str]:
    """What lies below a folder, without what differs from run to run: digest by path."""
    found = {}
    for path in sorted(path for path in box.rglob("*") if path.is_file()):
        name = str(path.relative_to(box))
        if not any(part in name for part in CHANGING):
            found[name] = digest_bytes("\n".join(_lasting(path)).encode())
    return found


def _lasting(path: Path) -> Iterator[str]:
    if path.name.endswith("receipt.json"):
        facts = {key: value for key, value in json.loads(path.read_text()).items() if key not in TIMED}
        results = {key: value for key, value in facts["results"].items() if key not in ("encoded", "reused", "seconds")}
        yield json.dumps({**facts, "results": results})
    elif path.suffix == ".safetensors":
        yield from (f"{name} {digest_bytes(value.tobytes())}" for name, value in sorted(load_file(path).items()))
    elif path.name == "metrics.tsv":
        yield from (row.rpartition("overflows")[0] or "\t".join(row.split("\t")[:9]) for row in path.open())
    elif path.suffix == ".eaf":
        yield undated(path.read_text())
    elif path.suffix not in (".pt", ".png") or "runs" not in path.parts:
        yield digest_bytes(path.read_bytes())


def _check_same(found: dict[str, str], whole: dict[str, str], when: str) -> None:
    different = {name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name)}
    assert not different, f"{when}: not as undisturbed: {sorted(different)}\n{_said()}"


def _laid(before: Path, box: Path) -> None:
    for entry in box.iterdir():
        entry.unlink() if entry.is_symlink() or entry.is_file() else shutil.rmtree(entry)
    shutil.copytree(before, box, symlinks=True, dirs_exist_ok=True)


def _run(command: Sequence[str], allowed: Sequence[int] = (0,)) -> int:
    code = _ended(_fork(command))
    assert code in allowed, f"sla {' '.join(command)}: exit {code}\n{_said()}"
    return code


def _fork(command: Sequence[str]) -> int:
    """Start a command in a process and a group of its own. What it says is kept."""
    child = os.fork()
    if child:
        with suppress(ProcessLookupError):  # it has ended
            os.setpgid(child, child)  # here too, so that the group is there when this returns
    else:
        os.setpgid(0, 0)
        answer = CliRunner().invoke(app, [*command, "-q"])
        Path(f"printed-{os.getpid()}").write_text(f"{answer.output}\n{answer.exception!r}")
        os._exit(answer.exit_code)
    return child


def _ended(child: int) -> int:
    end = time.monotonic() + LIMIT
    while (status := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(status[1])


def _said() -> str:
    return "\n".join(path.read_text() for path in Path().glob("printed-*"))


if __name__ == "__main__":
    main()
