"""A system on the page: its score, and the artifacts from which it was made, if they still exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from sla_cli.artifact.receipt import Receipt, digest_file, read_receipt
from sla_cli.core.comparison import Comparison, verdict
from sla_cli.core.counted import counted
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import Score
from sla_cli.errors import SlaError
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.log import log
from sla_cli.store.clips import Split
from sla_cli.store.store import Store, is_store_of
from sla_cli.work.emissions import Emissions
from sla_cli.work.folder import find_source
from sla_cli.work.run import Run
from sla_cli.work.scores import read_scores

NEEDS = {"alpha": "lm", "beta": "lm", "hotword_weight": "hotwords"}  # settings that have no meaning without another


@dataclass(frozen=True)
class System:
    """One recognition system.

    Attributes:
        name: name on the page.
        score: its score, the only part that is never missing.
        settings: settings by name, as text for people.
        hypotheses: by clip id, as decoded; empty if they are not needed or not found.
        emissions, split, run: None if not found.
        missing: what was not found and why, one sentence each, for the author: with paths, so not for the page.
        mark: its letter on the page, "" for a single system.
        against: the comparison with the first system, if it is known.
    """

    name: str
    score: Score
    settings: dict[str, str] = field(default_factory=dict)
    hypotheses: Mapping[str, Hypothesis] = field(default_factory=dict)
    emissions: Emissions | None = None
    split: Split | None = None
    run: Run | None = None
    missing: tuple[str, ...] = ()
    mark: str = ""
    against: Comparison | None = None

    @property
    def label(self) -> str:
        return f"{self.mark} {self.name}".strip()

    @property
    def verdict(self) -> str:
        return verdict(self.against) if self.against else ""


def load_systems(folders: Sequence[Path], names: Sequence[str] = ()) -> list[System]:
    """Systems of score folders, each traced back to its store through receipts; named by what distinguishes them.

    What is missing is logged.

    Raises:
        SlaError: another number of names than of folders, or a folder without a score.
        FormatError: a score or receipt that is damaged.
    """
    if names and len(names) != len(folders):
        raise SlaError(
            f"{counted(len(names), 'name is', 'names are')} given for {counted(len(folders), 'score')}",
            "Give one --name for each score, in order.",
        )
    systems = [_load(folder) for folder in folders]
    given = list(names) or [system.name for system in systems]
    if not names and len(set(given)) < len(given):
        given = [folder.resolve().name for folder in folders]
    named = [replace(system, name=name) for system, name in zip(systems, given, strict=True)]
    for system in named:
        for what in system.missing:
            log.warning("%s: %s What needs it is left out.", system.name, what)
    return named


def without_signers(system: System) -> System:
    """A system whose page does not say who signs. Names of clips may still do."""
    clips = tuple(replace(clip, signer="") for clip in system.score.clips)
    return replace(system, score=replace(system.score, clips=clips))


def _load(folder: Path) -> System:
    score = read_scores(folder)
    trail = _Trail(folder)
    scored = read_receipt(folder)
    hypotheses = trail.follow(scored, "hypotheses")
    decoded = read_receipt(hypotheses) if hypotheses else None
    if hypotheses and not decoded:
        trail.missing.append(f"{hypotheses} does not record what it was decoded from.")
    emissions = trail.follow(decoded, "emissions")
    emitted = read_receipt(emissions) if emissions else None
    run = trail.run(emitted)
    split = trail.split(decoded, emitted)
    return System(
        name=_name(folder, decoded, run),
        score=_with_signers(score, split),
        settings=_settings(score, scored, decoded, run),
        hypotheses={one.id: one for one in read_gloss_file(hypotheses).best} if hypotheses and emissions else {},
        emissions=Emissions(emissions) if emissions else None,
        split=split,
        run=run,
        missing=tuple(trail.missing),
    )


class _Trail:
    """Follows receipts from a score to the artifacts from which it was made, and records those that are missing.

    An artifact in the work folder of the score is preferred to the recorded path, if it is the same one: the folder may
    be a copy.
    """

    def __init__(self, score: Path) -> None:
        self.score = score
        self.missing: list[str] = []

    def follow(self, receipt: Receipt | None, source: str, is_it: Callable[[Path], bool] | None = None) -> Path | None:
        """The present path of a source in a receipt, None if it is gone or has changed.

        Args:
            is_it: tests whether a path is this source; by default, whether it is a file with the recorded digest.
        """
        if receipt is None:
            return None
        if not receipt.sources.get(source):  # emissions of another system may name no store
            self.missing.append(f"The receipt of `sla {receipt.stage}` does not record where its {source} is.")
            return None
        if is_it is None:
            digest = receipt.inputs.get(source)

            def is_it(place: Path) -> bool:
                return place.is_file() and digest_file(place) == digest

        path = find_source(Path(receipt.sources[source]), self.score, is_it)
        if path is None:
            self.missing.append(f"The {source} {receipt.sources[source]} is gone.")
        elif not is_it(path):
            self.missing.append(f"The {source} {path} has changed since `sla {receipt.stage}` read it.")
            path = None
        return path

    def run(self, emitted: Receipt | None) -> Run | None:
        """The run that computed the emissions, if it can be read."""
        path = self.follow(emitted, "run", None if emitted is None else partial(_is_run_of, emitted.inputs))
        if path is None:
            return None
        run = Run(path)
        try:
            _ = run.config
        except SlaError as error:  # damaged, or of another version
            self.missing.append(f"The run {path} cannot be read: {error.message}.")
            return None
        return run

    def split(self, decoded: Receipt | None, emitted: Receipt | None) -> Split | None:
        """The split that was decoded, if its clips are unchanged."""
        sources = {} if decoded is None else decoded.sources
        name, division = sources.get("split", ""), sources.get("division", "")
        digests = {sources["split_digest"]} if "split_digest" in sources else set()
        digests |= set() if emitted is None else {emitted.inputs.get("split", "")}
        store = self.follow(decoded, "store", is_store_of(dict(zip([name], digests, strict=False)), division))
        if store is None:
            return None
        opened = Store(store, division)
        split = opened[name] if name in opened.splits else None
        if split is None or digests - {split.digest}:
            self.missing.append(f"The store {store} has changed since `sla emit` read it.")
            return None
        return split


def _is_run_of(inputs: Mapping[str, str], run: Path) -> bool:
    """Whether emissions were computed with this run, according to their receipt."""
    files = {"weights": Run(run).best, "config": run / "config.toml"}
    return all(path.is_file() and digest_file(path) == inputs.get(name) for name, path in files.items())


def _with_signers(score: Score, split: Split | None) -> Score:
    """The score with signers from the store, if the references did not name them."""
    if split is None or any(clip.signer for clip in score.clips):
        return score
    known = dict(zip(split.ids, split.signers, strict=True))
    return replace(score, clips=tuple(replace(clip, signer=known.get(clip.id, "")) for clip in score.clips))


def _name(folder: Path, decoded: Receipt | None, run: Run | None) -> str:
    if decoded is None:
        return folder.resolve().name
    beam, lm = decoded.arguments.get("beam"), decoded.sources.get("lm")
    search = "greedy" if beam == 1 and not lm else f"beam {beam}" + (f" + {Path(lm).name}" if lm else "")
    return f"{run.name} · {search}" if run else search


def _settings(score: Score, scored: Receipt | None, decoded: Receipt | None, run: Run | None) -> dict[str, str]:
    """Everything that determined the number, from the model to the date, under the names of options."""
    facts: dict[str, object] = {}
    if run is not None:
        config = run.config
        facts |= {
            "run": run.name,
            "variant": config.model.variant,
            "backbone": config.model.backbone,
            **({"backbone arguments": config.model.backbone_args} if config.model.backbone_args else {}),
            "image size": config.model.image_size,
            "layers": config.model.layers,
            "epochs": config.train.epochs,
            "batch": config.train.batch,
            "learning rate": config.train.lr,
            "seed": config.train.seed,
        }
    if decoded is not None:
        lm = decoded.sources.get("lm")
        given = {"lm"} if lm else set()
        given |= {key for key, value in decoded.arguments.items() if value not in (None, [], "", False)}
        facts |= {key: value for key, value in decoded.arguments.items() if {key, NEEDS.get(key, key)} <= given}
        unused = f"none: tuning on {score.no_gain_on} found no gain" if facts.pop("no_gain_on", "") else "none"
        facts["language model"] = Path(lm).name if lm else unused
    if score.tuned_on:
        facts["weights tuned on"] = f"{score.tuned_on}, the split scored here"
    facts["normalisation"] = f"{score.profile}, version {score.profile_version}"
    if scored is not None:
        machine = scored.environment
        facts["scored"] = f"{scored.finished[:16].replace('T', ' ')} UTC"
        facts["machine"] = machine.get("machine", "")
        facts["sla"] = " ".join(filter(None, (machine.get("sla"), machine.get("revision"))))
    facts["signature"] = score.signature
    return {key.replace("_", " "): _text(value) for key, value in facts.items()}


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
