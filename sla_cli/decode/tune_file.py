"""Tunes on an emissions file: tables, picture and choice in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sla_cli.artifact.receipt import Receipt, digest_file, read_receipt, receipt_path, unchanged_digest
from sla_cli.artifact.table import to_tsv
from sla_cli.core.digest import digest_json
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.normalize import Profile, profile
from sla_cli.decode.grid_search import GridPoint, Trial, search_grid
from sla_cli.decode.tune_choice import STANDARD_ERRORS, Choice, choose
from sla_cli.errors import SlaError, naming, shown
from sla_cli.lm.kenlm_model import check_oov
from sla_cli.log import log, progress
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.system.atomic import atomic_write
from sla_cli.work.emissions import Emissions, emission_inputs, made_with
from sla_cli.work.making import making
from sla_cli.work.model_folder import is_model
from sla_cli.work.references import reference_split
from sla_cli.work.tuning import CHOICE, DIGESTS, NAME, VERSION, Tuned, read_tuned, tuning_of

BESIDE = ("tune.tsv", "clips.tsv", "tune.png")  # files of the folder in addition to the choice


def tune_file(
    emissions_path: Path,
    references: Mapping[str, Glosses],
    tunings: Path,
    options: BeamOptions,
    points: Sequence[GridPoint],
    *,
    jobs: int = 1,
    force: bool = False,
) -> tuple[Path, Tuned, list[Trial]]:
    """Tune on an emissions file; tables, picture and choice are written to a folder.

    Dev is also decoded without a language model, for comparison; this is chosen only if it is among the points.

    Args:
        tunings: the folder of all tunings of the run.

    Returns:
        The folder, the choice, and the trials of all points (none if the choice existed already).

    Raises:
        SlaError: the emissions are not of dev; no language model; or as `decode_file` does.
    """
    emissions = Emissions(emissions_path)
    header = emissions.header
    check_tunable(header.split)
    if not len(emissions):
        raise SlaError(f"{emissions_path} has no clips, so there is nothing to tune on", "Are they of the right split?")
    if options.lm is None:
        raise SlaError("alpha and beta are weights of a language model, but none is given", "Give one with --lm.")
    check_oov(options.lm, header.glosses, options.max_oov)
    with naming(str(emissions_path)):
        rules = profile(header.profile)
    lm, weights = unchanged_digest(options.lm), made_with(emissions)
    digest = emission_inputs(emissions_path).get("split", "")
    receipt = Receipt(
        "tune",
        {
            "settings": [list(asdict(point).values()) for point in points],
            "hotwords": sorted(set(options.hotwords)),
            "hotword_weight": options.hotword_weight,
            "prune_logp": options.prune_logp,
            "token_min_logp": options.token_min_logp,
            "engine": options.engine,
            "profile": str(rules),
            "standard_errors": STANDARD_ERRORS,
        },
        {
            "emissions": unchanged_digest(emissions_path),
            "lm": lm,
            "references": digest_json([references[name] for name in emissions.ids]),
        },
        sources={
            "store": header.store,
            "division": header.division,
            "lm": str(options.lm.resolve()),
            "emissions": str(emissions_path.resolve()),
        },
    )
    out = tuning_of(tunings, lm)
    check_no_model(tunings.parent)
    before = read_receipt(out)  # also with `force`: a damaged one is refused before the search
    others = False
    if not force and before is not None:
        old = read_tuned(out)
        others = before.fingerprint != receipt.fingerprint or old.weights != weights
        if others and (old.weights != weights or old.split_digest not in ("", digest)):
            log.warning("the choice in %s was made for other weights, or on other clips, and is replaced", out)
    # Another grid needs no --force: the newest choice counts.
    with making(out, receipt, force=force or others, is_whole=partial(_is_whole, out)) as artifact:
        if artifact.there is not None:
            return out, read_tuned(out), []
        with progress(f"tune on {header.split}", len(emissions)) as advance:
            tried = list(dict.fromkeys([*points, *(point.without for point in points)]))
            found = search_grid(emissions, header.glosses, references, rules, options, tried, jobs, advance)
        trials, without = found[: len(points)], [trial for trial in found if trial.point == trial.point.without]
        tuned = _tuned(choose(trials, without), header.split, rules, weights, lm, digest)
        _write(out, tuned, trials, found)
        artifact.results = {**asdict(tuned), DIGESTS: {name: digest_file(out / name) for name in (CHOICE, *BESIDE)}}
    return out, tuned, trials


def _tuned(choice: Choice, split: str, rules: Profile, weights: str, lm: str, split_digest: str) -> Tuned:
    """The choice as it is stored."""
    counts = choice.taken.counts
    return Tuned(
        **asdict(choice.taken.point),
        wer=counts.wer,
        errors=counts.errors,
        ref_words=counts.ref_words,
        split=split,
        profile=str(rules),
        weights=weights,
        lm=lm,
        split_digest=split_digest,
        lowest_wer=choice.lowest.counts.wer,
        wer_without=choice.without.counts.wer,
        difference=choice.difference,
        interval=choice.interval,
    )


def _is_whole(out: Path, made: Receipt) -> bool:
    """Whether tables and picture are unchanged."""
    digests = made.results.get(DIGESTS, {})
    return all((out / name).is_file() and digests.get(name) == digest_file(out / name) for name in BESIDE)


def check_no_model(folder: Path) -> None:
    """Raise SlaError for a model: its files are those of its list."""
    if is_model(folder):
        raise SlaError(f"{folder} is a model, into which no tuning is written", "Tune its run, and export that.")


def check_tunable(split: str) -> None:
    """Raise SlaError for every split except dev."""
    if split != "dev":
        hint = "Tune on dev, and decode test with the choice: tuned on test, its score would be worthless."
        raise SlaError(f"these emissions are of {shown(split)}, and weights are tuned on dev", hint)


def references_of(emissions_path: Path, store: Path | None = None) -> dict[str, Glosses]:
    """The glosses, as annotated, of the split from which emissions were made.

    Args:
        store: as for `reference_split`.

    Raises:
        SlaError: a split that is not for tuning; or as `reference_split`.
    """
    emissions = Emissions(emissions_path)
    check_tunable(emissions.header.split)
    return reference_split(emissions, store).references()


def _write(out: Path, tuned: Tuned, trials: Sequence[Trial], found: Sequence[Trial]) -> None:
    """tuned.json, tune.tsv, clips.tsv and tune.png in one folder. `found`: the trials, and no language model.

    An earlier choice is removed only after all of them are on the disk, so a full disk does not lose it. A copy is kept
    of a file that is not as its receipt says.
    """
    from sla_cli.decode.grid_plot import draw_grid  # matplotlib, needed only if the grid was searched

    facts = {"format": NAME, "version": VERSION, **asdict(tuned)}
    texts = {
        "tune.tsv": _settings_table(found),
        "clips.tsv": _clips_table(found),
        CHOICE: json.dumps(facts, indent=1, ensure_ascii=False) + "\n",
    }
    chosen = GridPoint(tuned.beam, tuned.alpha, tuned.beta)
    made = read_receipt(out)
    recorded = {} if made is None else made.results.get(DIGESTS, {})

    def kept(name: str) -> bool:
        return (out / name).is_file() and recorded.get(name) != digest_file(out / name)

    with ExitStack() as files:  # renames the file at its end
        for name, text in texts.items():
            temporary = files.enter_context(atomic_write(out / name, keep=kept(name)))
            temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary = files.enter_context(atomic_write(out / "tune.png", keep=kept("tune.png")))
        draw_grid(temporary, trials, chosen, f"WER % on {tuned.split}, {tuned.profile}")
        receipt_path(out).unlink(missing_ok=True)


def _settings_table(found: Sequence[Trial]) -> str:
    rows = []
    for trial in found:
        counts, (beam, alpha, beta) = trial.counts, asdict(trial.point).values()
        cells = (counts.errors, counts.substitutions, counts.deletions, counts.insertions, counts.ref_words)
        rows.append((beam, f"{alpha:g}", f"{beta:g}", f"{counts.wer:.4f}", *cells))
    return to_tsv(("beam", "alpha", "beta", "wer", "errors", "sub", "del", "ins", "ref_words"), rows)


def _clips_table(found: Sequence[Trial]) -> str:
    """A row per clip with its errors at each setting, from which the choice was made."""
    settings = [
        f"beam {point.beam} alpha {point.alpha:g} beta {point.beta:g}" for point in (one.point for one in found)
    ]
    rows = (
        (clips[0].id, " ".join(clips[0].reference), clips[0].counts.ref_words, *(one.counts.errors for one in clips))
        for clips in zip(*(trial.clips for trial in found), strict=True)
    )
    return to_tsv(("id", "reference", "ref_words", *settings), rows)
