"""Artifacts: what stages write, each with a receipt that says how it was made. Without a receipt it is incomplete.

receipt = Receipt("align", {}, {"emissions": digest_file(emissions)})
if made(path, receipt, force) is None:
    write_alignment(path, clips)
    finish(path, receipt, {"clips": len(clips)})
"""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from sla_cli import __version__
from sla_cli.core.digest import digest_json
from sla_cli.errors import SlaError
from sla_cli.files.read import check_version, read_json
from sla_cli.files.write import write_json
from sla_cli.log import log

DIGEST = "digest"  # in the results of an artifact that is one file
PACKAGES = ("torch", "timm", "loralib", "numpy", "opencv-python-headless", "av", "h5py", "pyctcdecode", "ufal-kenlm")


class Receipt(Struct):
    """How an artifact was made.

    Attributes:
        stage: the command that made it
        arguments: the settings that determine the content
        inputs: by name of an input, the digest of its content
        seed: the random seed; null if nothing is random
        sources: names and locations of the inputs; not part of the fingerprint, so folders can be moved
        results: counts, left-out clips, error rates
    """

    stage: str
    arguments: dict[str, Any]
    inputs: dict[str, str]
    seed: int | None = None
    sources: dict[str, str] = {}
    results: dict[str, Any] = {}
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    finished: str = ""
    environment: dict[str, str] = {}
    version: int = 1

    @property
    def fingerprint(self) -> str:
        """Equal ones mean interchangeable artifacts."""
        return digest_json([self.stage, self.arguments, self.inputs, self.seed])


def receipt_path(artifact: Path) -> Path:
    """`receipt.json` in a folder, `NAME.receipt.json` beside a file."""
    return artifact / "receipt.json" if artifact.is_dir() else artifact.with_name(f"{artifact.name}.receipt.json")


def read_receipt(artifact: Path, *stages: str) -> Receipt | None:
    """The receipt of an artifact, None if it is incomplete or another program's. SlaError if of another stage."""
    path = receipt_path(artifact)
    if not path.is_file():
        return None
    receipt = read_json(path, Receipt)
    check_version(path, "receipt", 1, receipt.version)
    if stages and receipt.stage not in stages:
        raise SlaError(f"{artifact} was made by `sla {receipt.stage}`, not `sla {stages[0]}`")
    if DIGEST in receipt.results and artifact.is_file() and receipt.results[DIGEST] != digest_file(artifact):
        raise SlaError(f"{artifact} was changed since it was made", f"Make it again, or remove {path.name}.")
    return receipt


def made(artifact: Path, receipt: Receipt, force: bool = False) -> Receipt | None:
    """The receipt of the same artifact, if it is there already; None if it must be made.

    Raises SlaError if it was made from other inputs or with other settings, and `force` is off.
    """
    there = None if force else read_receipt(artifact)
    if there is None:
        receipt_path(artifact).unlink(missing_ok=True)
        return None
    if there.fingerprint != receipt.fingerprint:
        pairs = ((there.arguments | there.inputs), (receipt.arguments | receipt.inputs))
        other = [key for key in pairs[1] if pairs[0].get(key) != pairs[1][key]]
        raise SlaError(f"{artifact} exists, made with another {', '.join(other)}", "Use --force to replace it.")
    log.info("%s is up to date", artifact)
    there.sources = receipt.sources
    finish(artifact, there, there.results)
    return there


def finish(artifact: Path, receipt: Receipt, results: dict[str, Any]) -> None:
    """Write the receipt: from now on the artifact is complete, and the newest of its kind."""
    digest = {DIGEST: digest_file(artifact)} if artifact.is_file() else {}
    receipt.results, receipt.environment = results | digest, environment()
    receipt.finished = datetime.now(UTC).isoformat()
    write_json(receipt_path(artifact), receipt)


def digest_file(path: Path) -> str:
    """Digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


@cache
def environment() -> dict[str, str]:
    """Versions of sla, Python and the packages that influence results, and the machine."""
    facts = {"sla": __version__, "python": platform.python_version(), "machine": platform.platform()}
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "missing"
    return facts
