"""Uploads a model folder to the Hugging Face hub, as one commit, and gives that a tag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard
from huggingface_hub.utils import validate_repo_id
from yaml import YAMLError

from sla_cli import __version__
from sla_cli.artifact.text import read_text
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log
from sla_cli.share.card import QUESTION
from sla_cli.share.results import Published
from sla_cli.work.hub import CARD, CONFIG, asking_hub
from sla_cli.work.model_folder import ModelFolder, is_model, read_model_facts, sha256_of

# What the hub itself puts into a new repository: this file, and a card without text if a licence was chosen there.
ATTRIBUTES, BEGINNING = ".gitattributes", re.compile(rb"\A---\r?\n.*?\n---", re.DOTALL)
SMALL = 2**20  # bytes of a file that is read once, checked and sent; the hub identifies large ones by their digest
TAG = re.compile(r"(?!.{101})(?!.*\.lock$)\w+([.-]\w+)*", re.ASCII)  # what git and the address of a model both take
NO_TAG = re.compile(r"main|HEAD|[0-9a-f]{40}", re.IGNORECASE)


def publish_model(
    folder: Path, repository: str, *, private: bool = False, tag: str | None = None, message: str = "", upload: bool
) -> Published:
    """Check a model folder and its card, and upload it.

    Args:
        repository: OWNER/NAME; it is created if there is none.
        private: create the repository as a private one; False leaves this to the owner's settings, usually public.
        tag: name of the new revision.
        message: of the commit.
        upload: False only checks what can be checked without the hub.

    Raises:
        SlaError: no model, or it is damaged; open questions on its card; no valid name or tag; or as `_upload`.
    """
    if not (folder / CONFIG).is_file():  # a damaged one is read, which says what is wrong
        raise SlaError(
            f"{folder} is not a model folder", "`sla export RUN -o FOLDER` makes one from a run; publish that."
        )
    model = ModelFolder(folder)
    _check_card(model.inside(CARD))
    with asking_hub(f"{repository!r} cannot name a model"):
        validate_repo_id(repository)
    if "/" not in repository:
        raise SlaError(f"{repository!r} does not name an owner", "Write OWNER/NAME.")
    if tag is not None and not TAG.fullmatch(tag):
        raise SlaError(
            f"{tag!r} cannot be a tag",
            "Use letters, digits and _, with single dots or - between them; .lock is no ending.",
        )
    if tag is not None and NO_TAG.fullmatch(tag):
        raise SlaError(f"{tag!r} would mean a branch or a commit", "Name a version, such as v1.")
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in model.files}
    plan = Published(folder, repository, files, private or None, tag, None, None)
    digests = {**model.model_facts.files, **{name: sha256_of(folder / name) for name in (CONFIG, CARD)}}
    return _upload(plan, digests, message or f"Publish a model of sla {__version__}") if upload else plan


def _check_card(card: Path) -> None:
    """Warn of what the hub will lack. Raises SlaError for open questions, FormatError for YAML that cannot be read."""
    lines = read_text(card).split("\n")
    if numbers := [str(number) for number, line in enumerate(lines, start=1) if QUESTION in line]:
        where = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {some(numbers, 20)}"
        raise SlaError(
            f"{card} has open questions in {where}", f"Answer them there: replace {QUESTION} and what follows it."
        )
    try:
        data = ModelCard.load(card).data
    except (YAMLError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)  # counts from the line after the first, from 0 on
        where = "" if mark is None else f", {getattr(error, 'problem', '')} in line {mark.line + 2}"
        fault = f"{card}: the YAML between the first two lines --- cannot be read{where}"
        raise FormatError(fault, "Compare it with that of a card which `sla export` has just written.") from error
    if missing := [name for name in ("license", "language") if data.get(name) is None]:
        log.warning("%s: the hub will show no %s; its YAML has none", card, " and no ".join(missing))


def _upload(plan: Published, digests: Mapping[str, str], message: str) -> Published:
    """Upload the files of a model as one commit: others see all of them, or none.

    Args:
        digests: SHA-256 of each file, as it was checked.

    Raises:
        SlaError: the tag is there, the repository holds something else or is public against `private`, a file was
            changed meanwhile, or as `asking_hub`.
    """
    where = plan.repository
    api = HfApi(token=True, library_name="sla", library_version=__version__)
    with asking_hub(f"the model cannot be uploaded to {where}"):
        api.create_repo(where, private=plan.private, exist_ok=True)
        found, refs = api.model_info(where), api.list_repo_refs(where)
        if plan.private and not found.private:
            raise SlaError(f"{where} is public already", "Change that in its settings, or publish without --private.")
        if plan.tag in [one.name for one in (*refs.tags, *refs.branches)]:
            raise SlaError(f"{where} has a revision {plan.tag} already", "Choose another --tag.")
        replaced = _replaced(api, plan, found.sha, {one.rfilename for one in found.siblings or ()})
        commit = _commit(api, plan, digests, message, found.sha, replaced)
    address = f"hf://{where}@{commit.oid}"
    if plan.tag is not None:
        with asking_hub(f"the model is uploaded as {address}, but the tag {plan.tag} cannot be set"):
            api.create_tag(where, tag=plan.tag, revision=commit.oid)
        address = f"hf://{where}@{plan.tag}"
    return replace(plan, private=bool(found.private), commit=commit.oid, address=address)


def _replaced(api: HfApi, plan: Published, commit: str | None, there: set[str]) -> set[str]:
    """Names of files in a repository that the new model replaces: those of the model of sla that it holds.

    Args:
        commit: the newest.
        there: files of that commit.

    Raises:
        SlaError: it holds something else, which the new model would replace or become a part of.
    """

    def got(name: str) -> Path:
        return Path(api.hf_hub_download(plan.repository, name, revision=commit))

    if CONFIG in there and is_model((config := got(CONFIG)).parent):
        mine = {CONFIG, CARD, *read_model_facts(config).files} & there
        others = there.intersection(plan.files) - mine
        if CARD in mine and got(CARD).read_bytes() != (plan.model / CARD).read_bytes():
            log.warning(
                "%s: its %s is replaced; hf://%s@%s keeps the old one", plan.repository, CARD, plan.repository, commit
            )
    else:
        mine = {CARD} if CARD in there and not BEGINNING.sub(b"", got(CARD).read_bytes()).strip() else set()
        others = there - mine - {ATTRIBUTES}
    if others:
        raise SlaError(
            f"{plan.repository} has files of somebody else, which are not replaced: {some(sorted(others))}",
            "Name another repository, or remove them on the hub.",
        )
    return mine


def _commit(
    api: HfApi, plan: Published, digests: Mapping[str, str], message: str, parent: str | None, replaced: set[str]
) -> CommitInfo:
    """Add the files of a model, and delete those of an earlier one that it lacks; others stay.

    Args:
        digests: as for `_upload`.
        parent: the commit that must still be the newest.
        replaced: as `_replaced`.

    Raises:
        SlaError: a file is not as it was checked.
    """
    old = sorted(replaced - plan.files.keys())
    if old:
        log.info("%s: not in the new revision: %s", plan.repository, some(old))
    adds = [_added(name, plan.model / name, size) for name, size in plan.files.items()]
    if changed := [one.path_in_repo for one in adds if one.upload_info.sha256.hex() != digests[one.path_in_repo]]:
        raise SlaError(
            f"{plan.model} was changed while it was published: {some(changed)}",
            "Nothing is uploaded. Publish it when no other command writes it.",
        )
    deletions = [CommitOperationDelete(name, is_folder=False) for name in old]
    return api.create_commit(plan.repository, [*adds, *deletions], commit_message=message, parent_commit=parent)


def _added(name: str, path: Path, size: int) -> CommitOperationAdd:
    return CommitOperationAdd(name, path.read_bytes() if size < SMALL else path)
