"""Tuning as files: table, picture and choice in one folder, and the choice taken up when test is decoded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sla_cli.atomic import atomic_write
from sla_cli.core.digest import digest_json
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.normalize import profile
from sla_cli.decode.clips import BeamOptions
from sla_cli.decode.decode_file import check_oov
from sla_cli.decode.tune import Setting, Trial, best_trial, tune
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.formats.emissions import Emissions
from sla_cli.formats.receipt import Receipt, digest_file, read_receipt, receipt_path, renew, write_receipt
from sla_cli.formats.store import Store
from sla_cli.formats.work import store_now
from sla_cli.log import log, progress

NAME, VERSION = "sla-tuned", 1


@dataclass(frozen=True)
class Tuned:
    """What was chosen, and on what.

    Attributes:
        wer: in percent, on the clips it was tuned on.
        weights, lm: digests of the recogniser's weights ("" where the emissions do not say) and the language model.
        split, profile: where, and under which normalisation.
    """

    beam: int
    alpha: float
    beta: float
    wer: float
    errors: int
    ref_words: int
    split: str
    profile: str
    weights: str
    lm: str

    @property
    def setting(self) -> Setting:
        return Setting(self.beam, self.alpha, self.beta)


def tune_file(
    emissions_path: Path,
    references: Mapping[str, Glosses],
    folder: Path,
    options: BeamOptions,
    settings: Sequence[Setting],
    *,
    jobs: int = 1,
    max_oov: float,
    force: bool = False,
) -> tuple[Path, Tuned, list[Trial]]:
    """Tune on an emissions file and keep table, picture and choice in `folder`/RUN-DIGEST, digest of the model.

    Returns:
        The folder, the choice, and all trials (none where the choice was there already).

    Raises:
        SlaError: the emissions are not of dev; no language model; clips without references; or as `decode_file` does.
    """
    emissions = Emissions(emissions_path)
    header = emissions.header
    check_tunable(header.split)
    if options.lm is None:
        raise SlaError("alpha and beta are weights of a language model, and there is none", "Give one with --lm.")
    check_references(emissions.ids, references)
    check_oov(options.lm, header.glosses, max_oov)
    rules = profile(header.profile)
    lm, weights = digest_file(options.lm), weights_of(emissions_path)
    receipt = Receipt(
        "tune",
        {
            "settings": [list(asdict(setting).values()) for setting in settings],
            "hotwords": sorted(options.hotwords),
            "hotword_weight": options.hotword_weight,
            "profile": str(rules),
        },
        {
            "emissions": digest_file(emissions_path),
            "lm": lm,
            "references": digest_json([references[name] for name in emissions.ids]),
        },
        sources={"store": header.store, "lm": str(options.lm.resolve()), "emissions": str(emissions_path.resolve())},
    )
    out = tuned_folder(folder, header.run, lm)
    made = None if force else read_receipt(out)  # another grid is no reason to ask: the choice is the newest one's
    if made is not None and made.fingerprint == receipt.fingerprint:
        renew(made, out)
        log.info("%s is up to date", out)
        return out, read_tuned(out), []
    with progress(f"tune on {header.split}", len(emissions)) as advance:
        trials = tune(emissions, header.glosses, references, rules, options, settings, jobs, advance)
    best = best_trial(trials)
    tuned = Tuned(
        **asdict(best.setting),
        wer=best.counts.wer,
        errors=best.counts.errors,
        ref_words=best.counts.ref_words,
        split=header.split,
        profile=str(rules),
        weights=weights,
        lm=lm,
    )
    receipt_path(out).unlink(missing_ok=True)
    _write(out, tuned, trials)
    receipt.results = asdict(tuned)
    write_receipt(receipt, out)
    return out, tuned, trials


def check_tunable(split: str) -> None:
    """Raise SlaError for a split that says nothing of weights, or that its score is needed for."""
    hint = "Tune on dev, and decode test with the choice."
    if split == "test":
        raise SlaError("tuning on test would make its score worthless", hint)
    if split != "dev":
        raise SlaError(f"tuning on {split}, whose clips the model knows by heart, would choose wrong weights", hint)


def references_of(emissions_path: Path, store: Path | None = None) -> dict[str, Glosses]:
    """The glosses, as annotated, of the split that emissions were made from.

    Args:
        store: where it is, if not where it was.

    Raises:
        SlaError: a split that is not for tuning; no such store or split, or one of another vocabulary.
    """
    header = Emissions(emissions_path).header
    check_tunable(header.split)
    clips = Store(store or store_now(Path(header.store), emissions_path, "--store"))[header.split]
    if clips.vocabulary != header.glosses:
        raise SlaError(
            f"{emissions_path} has other glosses ({len(header.glosses)}) than {clips.path} ({len(clips.vocabulary)})",
            "Give the store that the emissions come from with --store.",
        )
    return clips.references()


def tuned_options(
    options: BeamOptions, emissions_path: Path, folder: Path, *, beam: bool, weights: bool
) -> BeamOptions:
    """Options with what was tuned for the same recogniser and language model, where there is such a choice.

    Args:
        beam: take the tuned beam.
        weights: take the tuned alpha and beta, which belong together.
    """
    if options.lm is None or not (beam or weights):
        return options
    lm = digest_file(options.lm)
    out = tuned_folder(folder, Emissions(emissions_path).header.run, lm)
    if read_receipt(out) is None:
        return options
    tuned = read_tuned(out)
    if tuned.weights != weights_of(emissions_path):
        log.warning("%s was tuned for other weights of this run and is not used", out)
        return options
    if beam:
        options = replace(options, beam=tuned.beam)
    if weights:
        options = replace(options, alpha=tuned.alpha, beta=tuned.beta)
    taken = [f"alpha {tuned.alpha:g}, beta {tuned.beta:g}"] * weights + [f"beam {tuned.beam}"] * beam
    log.info("%s as tuned on %s, from %s", ", ".join(taken), tuned.split, out)
    return options


def tuned_folder(folder: Path, run: str, lm: str) -> Path:
    """Where the choice for a run and a language model lies."""
    return folder / f"{Path(run).name}-{lm[:6]}"


def weights_of(emissions_path: Path) -> str:
    """Digest of the weights that emissions were made with, "" where they do not say."""
    made = read_receipt(emissions_path)
    return made.inputs.get("weights", "") if made is not None else ""


def check_references(ids: Sequence[str], references: Mapping[str, Glosses]) -> None:
    """Raise SlaError where a clip has no reference."""
    missing = [name for name in ids if name not in references]
    if missing:
        raise SlaError(
            f"{len(missing)} clips have no reference: {some(missing)}",
            "Give the store that the emissions come from with --store.",
        )


def read_tuned(folder: Path) -> Tuned:
    """A choice made before. Raises FormatError where it cannot be read."""
    path = folder / "tuned.json"
    hint = "Make it again with `sla decode --tune --force`."
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if (facts.pop("format"), facts.pop("version")) != (NAME, VERSION):
            raise FormatError(f"{path}: not {NAME} version {VERSION}", hint)
        return Tuned(**facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: cannot be read ({error})", hint) from error


def _write(out: Path, tuned: Tuned, trials: Sequence[Trial]) -> None:
    """tuned.json, tune.tsv and tune.png in one folder."""
    from sla_cli.decode.tune_plot import draw_grid  # matplotlib, which decoding with a choice does not need

    rows = ["beam\talpha\tbeta\twer\terrors\tsub\tdel\tins\tref_words\n"]
    for trial in trials:
        counts, (beam, alpha, beta) = trial.counts, asdict(trial.setting).values()
        cells = (counts.errors, counts.substitutions, counts.deletions, counts.insertions, counts.ref_words)
        rows.append("\t".join((str(beam), f"{alpha:g}", f"{beta:g}", f"{counts.wer:.4f}", *map(str, cells))) + "\n")
    facts = {"format": NAME, "version": VERSION, **asdict(tuned)}
    for name, text in (
        ("tune.tsv", "".join(rows)),
        ("tuned.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n"),
    ):
        with atomic_write(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    wers = {(trial.setting.beam, trial.setting.alpha, trial.setting.beta): trial.counts.wer for trial in trials}
    with atomic_write(out / "tune.png") as temporary:
        draw_grid(temporary, wers, (tuned.beam, tuned.alpha, tuned.beta), f"WER % on {tuned.split}, {tuned.profile}")
