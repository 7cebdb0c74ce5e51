"""The run that hypotheses or a score were made from, as far as receipts tell."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sla_cli.artifact.receipt import Receipt, digest_file, read_receipt
from sla_cli.errors import SlaError
from sla_cli.score.group import Member
from sla_cli.work.run import Run
from sla_cli.work.work import find_source


def member_of(artifact: Path) -> Member:
    """A hypotheses file or a score folder, with what is known of its run.

    Nothing is known if receipts do not lead to a run, or if something on the way was made again with other content.
    """
    name = artifact.name if artifact.is_dir() else artifact.stem
    with suppress(SlaError):  # a damaged receipt or run
        return Member.of(name, artifact, _run(artifact))
    return Member(name, artifact)


def _run(artifact: Path) -> Run | None:
    for stage, name in (("score", "hypotheses"), ("decode", "emissions")):
        receipt = read_receipt(artifact)
        if receipt is None or receipt.stage != stage:
            continue
        source = _source(receipt, name, artifact)
        made = None if source is None else read_receipt(source)
        if source is None or made is None or made.results.get("digest") != receipt.inputs.get(name):
            return None
        artifact = source
    emitted = read_receipt(artifact)
    run = None if emitted is None or emitted.stage != "emit" else _source(emitted, "run", artifact)
    if emitted is None or run is None or digest_file(run / "config.toml") != emitted.inputs.get("config"):
        return None
    return Run(run)


def _source(receipt: Receipt, name: str, artifact: Path) -> Path | None:
    """The present path of a source in the receipt of an artifact; None if it is not recorded, or gone."""
    return find_source(Path(receipt.sources[name]), artifact) if name in receipt.sources else None
