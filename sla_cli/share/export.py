"""Writes a run as a model folder: everything that recognition needs, and nothing of the machine that trained it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor

from sla_cli.artifact.receipt import digest_file, pass_on, read_receipt
from sla_cli.config.settings import Config, DecodeConfig
from sla_cli.core.endings import ARPA
from sla_cli.errors import SlaError, some
from sla_cli.lm.kenlm_model import check_oov
from sla_cli.log import log
from sla_cli.model import checkpoint, domain, frame_scores
from sla_cli.model.backbone import Backbone
from sla_cli.model.network import backbone_digest
from sla_cli.model.open_run import open_model
from sla_cli.model.weights import BACKBONE
from sla_cli.share.card import Card
from sla_cli.share.results import Exported
from sla_cli.system.atomic import remove_leftovers, temporary_path, write_text
from sla_cli.work.calibration import FIT_AGAIN, CalibrationFigures, read_calibration
from sla_cli.work.model_folder import (
    CARD,
    CONFIG,
    TUNING,
    WEIGHTS,
    ModelFacts,
    ModelFolder,
    Stored,
    is_model,
    model_config,
    sha256_of,
    stored_digest,
)
from sla_cli.work.onnx_graphs import Products
from sla_cli.work.output import check_folder, refuse_as_folder
from sla_cli.work.run import AGAIN, Run
from sla_cli.work.tuning import CHOICE, find_tuned, tuning_of

Part = tuple[dict[str, Tensor], dict[str, str]]
HALF = 65504.0  # the largest float16


def export_run(
    run: Run,
    out: Path,
    card: Card,
    *,
    lm: Path | None = None,
    stored: Stored = "float32",
    with_backbone: bool = True,
    onnx: Products | None = None,
    weights: str | None = None,
    force: bool = False,
) -> Exported:
    """Write a run's best weights, settings, glosses and card into a folder; the same run gives the same bytes.

    The folder appears when it is complete. One that is there already is kept if it is the same, else only `force`
    replaces it, and only if it is a model whose card nobody has edited.

    Args:
        card: of this run, by `card_of`, which refuses what is no run.
        lm: a language model that is put into it, with the weights that `sla tune` chose for it.
        stored: type of the weights on disk; float16 halves the file, and changes log-probabilities.
        with_backbone: False leaves out the weights of the backbone, if their licence forbids to give them on.
        onnx: adds ONNX graphs, as `onnx_export.write_graphs`; None adds none.
        weights: the backbone's weights, if the file has moved since training.

    Raises:
        SlaError: it has no weights, its backbone is missing, or it is changed meanwhile; `out` holds something else; or
            options contradict each other.
    """
    check = run.unchanged()
    if lm is not None:
        if not lm.name.endswith(ARPA) or lm.name in ARPA:  # nobody could open the model
            hint = f"Its name is NAME{ARPA[0]} or NAME{ARPA[1]}."
            raise SlaError(f"{lm}: a model folder takes a language model as ARPA", hint)
        check_oov(lm, run.glosses, DecodeConfig.max_oov)  # else nobody could use it
    if onnx and not (with_backbone and stored == "float32"):
        raise SlaError("ONNX graphs hold the backbone in float32", "Leave --without-backbone and --half out.")
    run.check_whole()
    check_folder(out.parent)
    refuse_as_folder(out)
    _check_ours(out)
    with run.as_one():
        config = run.config
        if weights is not None:
            config = replace(config, model=replace(config.model, weights=weights))
        parts, identity = _parts(run, config, stored, with_backbone)
    with _beside(out) as temporary:
        made = temporary / "new"
        made.mkdir()
        checkpoint.write_model(made / WEIGHTS, parts)
        if onnx:
            _add_graphs(run, made, weights, onnx)
        if lm is not None:
            _add_lm(run, lm, made, tuned=stored == "float32")
        facts = ModelFacts(
            weights=identity,
            stored=stored,
            with_backbone=with_backbone,
            backbone_file=Path(run.config.model.weights).name,
            frame_scores="frame_scores" in parts,
            domain="domain" in parts,
            run=replace(run.facts, store="", init_from=None, origins=tuple(sorted(run.facts.learned_from))),
            settings=asdict(replace(config, model=replace(config.model, weights="random"))),
            glosses=run.glosses,
            calibration=_calibration(run),
            card="",
            files={name: sha256_of(made / name) for name in _names(made)},
        )
        write_text(made / CARD, card.text(facts))
        write_text(made / CONFIG, model_config(replace(facts, card=sha256_of(made / CARD))))
        check()
        _put_in_place(made, out, force)
    files = {name: (out / name).stat().st_size for name in _names(out)}
    return Exported(out, files, stored, with_backbone, card.open_questions)


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A temporary folder from which a finished one can be renamed. Raises SlaError if none can be made."""
    temporary = temporary_path(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(out)
        temporary.mkdir()
    except OSError as error:
        raise SlaError(f"cannot write {out}: {error.strerror}", "Name another folder with -o.") from error
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_leftovers(out)


def _remove_leftovers(out: Path) -> None:
    if out.exists():  # else one of them may hold the model that was there
        remove_leftovers(out)


def _parts(run: Run, config: Config, stored: Stored, with_backbone: bool) -> tuple[dict[str, Part], str]:
    """The parts of the file of weights, and what identifies them."""
    glosses, digest = run.glosses, run.weights_digest
    network = checkpoint.network_for(run.best, config, glosses)
    checkpoint.load_weights(run.best, network, glosses)  # refuses another backbone, and other settings
    trained, header = checkpoint.read_tensors(run.best, checkpoint.NAME, checkpoint.VERSION, AGAIN)
    half = stored == "float16"
    identity = stored_digest(digest, stored)
    parts: dict[str, Part] = {checkpoint.PARTS[checkpoint.NAME]: (_halved(trained) if half else trained, header)}
    if with_backbone:
        backbone = Backbone(config.model)
        own = _halved(backbone.vit.state_dict()) if half else backbone.vit.state_dict()
        backbone.vit.load_state_dict(own)
        header |= {"backbone": backbone_digest(backbone)}
        header.pop("backbone_norms", None)  # these are for random weights that are drawn again
        parts[BACKBONE] = own, {}
    for module, file in ((frame_scores, run.frame_scores), (domain, run.domain)):
        if file.is_file():
            values, facts = checkpoint.read_tensors(file, module.NAME, module.VERSION, FIT_AGAIN)
            if facts.get("weights") != digest:
                raise SlaError(f"{file} belongs to another checkpoint than the one beside it", FIT_AGAIN)
            parts[checkpoint.PARTS[module.NAME]] = values, {**facts, "weights": identity}
    return parts, identity


def _halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float tensors in float16; those that it cannot hold, such as variances, stay."""
    return {
        name: value.half() if value.is_floating_point() and value.abs().max() < HALF else value
        for name, value in tensors.items()
    }


def _calibration(run: Run) -> CalibrationFigures | None:
    return read_calibration(run.calibration, run.weights_digest) if run.calibration.is_file() else None


def _add_graphs(run: Run, folder: Path, weights: str | None, products: Products) -> None:
    from sla_cli.share.onnx_export import write_graphs

    opened = open_model(run, device="cpu", precision="fp32", weights=weights)
    write_graphs(opened, folder, run.facts.frames, products)


def _add_lm(run: Run, lm: Path, folder: Path, *, tuned: bool) -> None:
    """Copy a language model, and the choice of `sla tune` for it."""
    shutil.copyfile(lm, folder / lm.name)
    if find_tuned(run.tunings, lm, run.weights_digest) is None:
        return
    if not tuned:
        log.warning("the weights of %s were tuned in float32, so they are left out", lm.name)
        return
    here = tuning_of(run.tunings, digest_file(lm))
    there = folder / TUNING / here.name
    there.mkdir(parents=True)
    shutil.copyfile(here / CHOICE, there / CHOICE)
    receipt = read_receipt(here)
    assert receipt is not None, "find_tuned has read it"
    pass_on(receipt, there)


def _put_in_place(made: Path, out: Path, force: bool) -> None:
    """Give a finished folder its name, unless the same is there. Raises SlaError for what must not be replaced."""
    replaced = made.with_name("replaced")  # removed with the temporary folder, when the new one has its place
    there = out.is_dir() and any(out.iterdir())
    if there:
        if {name: sha256_of(made / name) for name in _names(made)} == {
            name: sha256_of(out / name) for name in _names(out)
        }:
            log.info("%s is up to date", out)
            return
        _check_ours(out)
        if not force:
            raise SlaError(f"{out} exists", "Use --force to replace it.")
    try:
        if there:
            out.rename(replaced)
        made.rename(out)
    except BaseException as error:  # also Ctrl-C between the two
        if replaced.is_dir() and not os.path.lexists(out):
            replaced.rename(out)
        if isinstance(error, OSError):
            raise SlaError(f"cannot write {out}: {error.strerror}", "Name another folder with -o.") from error
        raise


def _check_ours(out: Path) -> None:
    """Raise SlaError for what is no folder, or holds anything but an earlier export, or an edited card."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise SlaError(f"{out} is a {'link' if out.is_symlink() else 'file'}", "Name a folder with -o.")
    if out.name in ("", ".."):
        raise SlaError(f"{out} is no name that a new folder can have", "Name a folder with -o.")
    if not out.exists() or not any(out.iterdir()):
        return
    if not is_model(out):
        raise SlaError(f"{out} is not a model, and is not replaced", "Name a new or empty folder with -o.")
    try:
        there = ModelFolder(out)
    except SlaError as error:
        raise SlaError(f"{error.message}, and is not replaced", "Remove the folder, or name another one.") from error
    known = {path.relative_to(out).as_posix() for path in there.files}
    if others := [name for name in _names(out) if name not in known or (out / name).is_symlink()]:
        raise SlaError(f"{out} contains other files or links: {some(others, 3)}", "Name a new or empty folder with -o.")
    if there.card.is_file() and sha256_of(there.card) != there.model_facts.card:
        raise SlaError(f"{there.card} was edited, and is not replaced", "Move it away, or name another folder with -o.")


def _names(folder: Path) -> list[str]:
    """All files, links and empty folders below a folder, with `/` between parts, sorted."""
    found = (one for one in folder.rglob("*") if one.is_symlink() or not one.is_dir() or not any(one.iterdir()))
    return sorted(path.relative_to(folder).as_posix() for path in found)
