"""Receipts: how an artifact was made. A receipt is written last, so its presence marks the artifact as complete.

A receipt is JSON: `receipt.json` in a folder, `NAME.receipt.json` next to a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, ValidationError, convert

from sla_cli import __version__
from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.version import readable, unread_version
from sla_cli.config.checks import read_values
from sla_cli.core.digest import digest_json
from sla_cli.core.quantities import Count
from sla_cli.errors import FormatError, ReadError, SlaError, without_pattern
from sla_cli.system.atomic import write_text
from sla_cli.system.regular_file import open_regular

VERSION = 1
DIGEST = "digest"  # in the results of an artifact that is one file: digest of its content
# KenLM's module comes from one of the last two.
PACKAGES = (
    *("torch", "timm", "loralib", "numpy", "opencv-python-headless", "av", "h5py", "pyctcdecode"),
    *("ufal-kenlm", "kenlm"),
)


class _OfFile(Struct):
    """Of an artifact that is one file."""

    digest: str = ""


class _OfFolder(Struct):
    digests: dict[str, str] = {}


class _Division(Struct):
    clips: dict[str, int] = {}


class _OfStore(Struct):
    divisions: dict[str, _Division] = {}
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    incomplete: dict[str, str] = {}
    files: list[str] = []
    clips: int = 0


class OfExport(Struct):
    """Also of the note of one that was begun."""

    layout: str = ""
    image: Literal["png", "jpg"] = "png"
    size: int = 0
    lengths: dict[str, dict[str, Count]] = {}
    pictures: dict[str, dict[str, str]] = {}
    tables: dict[str, str] = {}


class _OfRun(Struct):
    best_epoch: int
    dev_wer: float
    weights: str = ""


# By stage, the results that later stages read.
READ: dict[str, type[Struct]] = {
    **dict.fromkeys(("emit", "decode", "align", "lm"), _OfFile),
    **dict.fromkeys(("tune", "score"), _OfFolder),
    **dict.fromkeys(("prep", "merge"), _OfStore),
    "train": _OfRun,
    "export": OfExport,
}
COMMANDS = {"lm": "lm estimate", "export": "store export"}  # stages whose command has another name


@dataclass
class Receipt:
    """How an artifact was made.

    Attributes:
        stage: the command that made it
        arguments: the settings that determine the content
        inputs: by name of an input, the digest of its content
        seed: the random seed; null if nothing is random
        sources: names and locations of the inputs; not part of the fingerprint, so folders can be moved
        results: counts, left-out clips, error rates
        started: UTC time in ISO 8601
        finished: UTC time in ISO 8601
        seconds: duration in seconds
        fingerprint: digest of stage, arguments, inputs and seed
        environment: versions of sla, Python and packages, by name; the machine
        checksum: digest of everything else in the receipt
        version: version of the receipt format
    """

    stage: str
    arguments: dict[str, Any]
    inputs: dict[str, str]
    seed: int | None = None
    sources: dict[str, str] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    fingerprint: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    checksum: str = ""
    version: int = VERSION

    def __post_init__(self) -> None:
        self.arguments = json.loads(json.dumps(self.arguments))  # as it will be read back
        self.started = self.started or datetime.now(UTC).isoformat()
        self.fingerprint = self.fingerprint or digest_json([self.stage, self.arguments, self.inputs, self.seed])

    @property
    def command(self) -> str:
        """The command of the stage, such as `sla lm estimate`."""
        return _command(self.stage)


def receipt_path(artifact: Path) -> Path:
    """Path of the receipt of a file or folder; a path that does not exist yet is a file if its name has a suffix."""
    folder = artifact.is_dir() or not (artifact.suffix or artifact.is_file())
    return artifact / "receipt.json" if folder else receipt_of_file(artifact)


def receipt_of_file(file: Path) -> Path:
    """Path of the receipt of a file, which need not be there.

    It is next to the file that a link leads to, through which others may write it too, unless one is next to the link.
    """
    beside = file.with_name(f"{file.name}.receipt.json")
    if file.is_symlink() and not os.path.lexists(beside):
        return Path(f"{os.path.realpath(file)}.receipt.json")
    return beside


def write_receipt(receipt: Receipt, artifact: Path, written: str = "") -> None:
    """Add time, environment and the digest of a file, and write the receipt: from now on the artifact is complete.

    Args:
        written: digest of the file as its command wrote it: another may have replaced it since. "" reads the file.

    Raises FormatError if a file of somebody has the name of the receipt of a file.
    """
    ended = datetime.now(UTC)
    if artifact.is_file():
        receipt.results[DIGEST] = written or digest_file(artifact)
    receipt.seconds = round((ended - datetime.fromisoformat(receipt.started)).total_seconds(), 3)
    receipt.environment = dict(environment())
    _write(receipt, artifact, ended)


def read_receipt(artifact: Path, *stages: str) -> Receipt | None:
    """The receipt of an artifact, or None if the artifact is not complete.

    Args:
        stages: that make such an artifact; none means any.

    Raises:
        FormatError: it exists, but cannot be read, or is of another stage.
    """
    path = receipt_path(artifact)
    if not os.path.lexists(path):
        return None
    found = read_receipt_file(path)
    if stages and found.stage not in stages:
        raise FormatError(f"{path} is of `{found.command}`, not of `sla {stages[0]}`", _how_to_fix())
    return found


def read_receipt_file(path: Path) -> Receipt:
    """The receipt in a file. Raises FormatError if it holds none, ReadError if that cannot be known now."""
    try:
        facts = read_json(path, names=True)
        if "version" not in facts or "stage" not in facts:
            raise FormatError(f"{path}: it has no version or no stage")
        if facts["version"] in readable(VERSION):
            if facts.get("checksum") != _checksum(facts):
                raise FormatError("it is damaged or was edited")
            found = read_values(Receipt, facts, path)
            _check_results(found)
            return found
    except ReadError:  # it may be a whole one, which must not be deleted
        raise
    except (SlaError, UnicodeEncodeError) as error:
        reason = error.message if isinstance(error, SlaError) else str(error)
        reason = reason.removeprefix("cannot read ").removeprefix(str(path)).lstrip(":, ")  # it is named once
        hint = f"{_how_to_fix()} If it is not from sla, move it instead."
        raise FormatError(f"{path}: not a receipt ({reason})", hint) from error
    raise unread_version(path, "receipt", VERSION, facts["version"], _how_to_fix(f"`{_command(str(facts['stage']))}`"))


def _check_results(receipt: Receipt) -> None:
    """Raise FormatError for results of another type than later stages read, and for times that are none."""
    try:
        convert(receipt.results, READ.get(receipt.stage, Struct))
    except ValidationError as error:
        raise FormatError(f"results: {without_pattern(str(error))}") from error
    for name, time in (("started", receipt.started), ("finished", receipt.finished)):
        try:
            datetime.fromisoformat(time).timestamp()
        except (ValueError, OverflowError) as error:
            raise FormatError(f"{name}: no time: {time!r}") from error


def _command(stage: str) -> str:
    return f"sla {COMMANDS.get(stage, stage)}"


def _how_to_fix(stage: str = "the stage that made it") -> str:
    """--force would not be enough: the search for the newest artifact reads every receipt."""
    return f"Delete it, then run {stage} again (training: with --resume; with -o: also --force)."


def renew(receipt: Receipt, artifact: Path) -> None:
    """Write the receipt of a complete artifact again, with a new date: the next stage takes it as the newest, since it
    was requested again."""
    _write(receipt, artifact, datetime.now(UTC))


def pass_on(receipt: Receipt, artifact: Path) -> None:
    """Write a receipt for others: without the places of the inputs, and without what it says of a machine."""
    _write(replace(receipt, sources={}, environment={}), artifact, datetime.fromisoformat(receipt.finished))


def is_as_made(artifact: Path) -> bool:
    """Whether a file has the content that its receipt recorded. Raises FormatError as `read_receipt`."""
    receipt = read_receipt(artifact) if artifact.is_file() else None
    return receipt is not None and receipt.results.get(DIGEST) == digest_file(artifact)


def already_made(artifact: Path, receipt: Receipt, *, force: bool) -> Receipt | None:
    """The receipt of a complete artifact that is equivalent to `receipt`, or None if the artifact must be made.

    Raises:
        SlaError: something else exists there, and `force` is off.
    """
    old = None if force or not os.path.lexists(artifact) else read_receipt(artifact)
    if old is None:
        return None
    if old.fingerprint == receipt.fingerprint:
        return old
    elsewhere = "another --name" if receipt.stage == "prep" else "another path with -o"
    raise SlaError(
        f"{artifact} exists and was made with other settings or inputs: {_differences(old, receipt)}",
        f"Use --force to replace it, or {elsewhere}.",
    )


def _differences(old: Receipt, new: Receipt) -> str:
    pairs = [("stage", old.stage, new.stage), ("seed", old.seed, new.seed)]
    for was, now in ((old.arguments, new.arguments), (old.inputs, new.inputs)):
        pairs += [(key, was.get(key), now.get(key)) for key in sorted(was.keys() | now.keys())]
    found = "; ".join(
        f"{key} is new" if key in new.inputs and a is None else f"{key} was {a!r}, now {b!r}"
        for key, a, b in pairs
        if a != b
    )
    return found[:400] or f"fingerprint was {old.fingerprint}, now {new.fingerprint}"


def digest_file(path: Path) -> str:
    """Digest of a file's content, read in pieces."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    except OSError as error:
        raise SlaError(f"cannot read {path}: {error.strerror}") from error


def unchanged_digest(path: Path) -> str:
    """Digest of a file's content. Raises FormatError as `check_unchanged` does."""
    digest = digest_file(path)
    check_unchanged(path, digest)
    return digest


def check_unchanged(path: Path, digest: str) -> None:
    """Raise FormatError if the receipt of a file has recorded another digest than the file has now.

    A file without a receipt is not checked.
    """
    receipt = read_receipt(path)
    if receipt is not None and receipt.results.get(DIGEST) != digest:
        raise FormatError(
            f"{path} is damaged or was edited: it is not what `{receipt.command}` wrote",
            f"Make it again with `{receipt.command} --force`. If you edited it, rename it: it is then not checked.",
        )


@cache  # asking git and the packages takes longer than writing a small artifact; a process imports its code once
def environment() -> Mapping[str, str]:
    """Versions of sla, Python and the packages that influence results, the machine, and sla's git revision."""
    facts = {"sla": __version__, "python": platform.python_version(), "machine": platform.platform()}
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "missing"
    return {**facts, "revision": _revision()}


def _revision() -> str:
    """The git revision of sla's own source, "" for an installed package, which may be inside another repository."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _write(receipt: Receipt, artifact: Path, finished: datetime) -> None:
    receipt.finished = finished.isoformat()
    receipt.checksum = _checksum(json.loads(json.dumps(asdict(receipt))))  # of what will be read back

    def check(_: Path) -> None:
        if artifact.is_file():  # the folder is not sla's: a file of somebody may have this name by now
            read_receipt(artifact)

    write_text(receipt_path(artifact), json.dumps(asdict(receipt), indent=1, ensure_ascii=False) + "\n", check=check)


def _checksum(facts: Mapping[str, Any]) -> str:
    return digest_json({name: value for name, value in facts.items() if name != "checksum"})
