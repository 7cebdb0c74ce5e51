"""Signers who were left out of a store: no split has their clips, whichever files still do.

`left-out.txt` in the store's folder has a name on each line. Capitals do not count when names are compared: another
table may write the same person's name otherwise. `left-out-clips.txt` has the ids of their clips, each with the name,
by which these clips are known if a table names them otherwise. `left-out-splits.txt` has the digests of the splits that
had clips of them: what was made from these still holds the clips.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sla_cli.artifact.text import read_text
from sla_cli.core.alike import in_one_form
from sla_cli.core.clip import signer_key
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log
from sla_cli.system.atomic import refuse_link, write_text
from sla_cli.system.file_identity import unchanged

BYTE_ORDER_MARK = "\ufeff"
LEFT_OUT, LEFT_OUT_CLIPS, LEFT_OUT_SPLITS = FILES = ("left-out.txt", "left-out-clips.txt", "left-out-splits.txt")


def read_left_out(store: Path) -> tuple[str, ...]:
    """Names of the signers who were left out of a store; an editor may have ended the lines of the file otherwise."""
    return tuple(map(in_one_form, _lines(store / LEFT_OUT)))


def clips_left_out(store: Path, signers: Iterable[str]) -> dict[str, str]:
    """Clips that are not in a store since one of these signers was left out, each with the name that it had then.

    Their ids are in one Unicode form: look for others in this form.

    Raises FormatError for a line with no tab, or more than one: its clip could come back.
    """
    clips = _clips(store)
    wanted = alike(clips.values(), signers)
    return {clip: signer for clip, signer in clips.items() if signer in wanted}


def check_lists(store: Path) -> None:
    """Raise SlaError if clips were left out with a signer whom the list of signers lacks, who would come back."""
    signers = set(_clips(store).values())
    if lost := sorted(signers - alike(signers, read_left_out(store))):
        raise SlaError(
            f"{store / LEFT_OUT_CLIPS} has clips of {some(lost)}, whom {LEFT_OUT} does not name",
            f"Write the names there again, one a line; of who agrees again, delete the lines in {LEFT_OUT_CLIPS}.",
        )


def _clips(store: Path) -> dict[str, str]:
    """All clips that were left out. Raises as `clips_left_out`."""
    clips, path = dict[str, str](), store / LEFT_OUT_CLIPS
    for number, line in enumerate(_lines(path), start=1):
        clip, tab, signer = line.partition("\t")
        if not tab or "\t" in signer:
            hint = "Write them there again: the clip's id, a tab, and the signer as in left-out.txt."
            raise FormatError(f"{path}, line {number}: no clip and signer with one tab between them", hint)
        clips[in_one_form(clip)] = signer
    return clips


def digests_before(store: Path) -> tuple[str, ...]:
    """Digests of the splits that had clips of signers who were left out since."""
    return _lines(store / LEFT_OUT_SPLITS)


def add_left_out(store: Path, names: Iterable[str]) -> None:
    """Add names of signers to those who were left out. Raises SlaError as `_add_lines`."""
    _add_lines(store / LEFT_OUT, names)


def add_clips_left_out(store: Path, clips: Mapping[str, str]) -> None:
    """Add clips, each with its signer, to those that were left out. Raises SlaError as `_add_lines`."""
    _add_lines(store / LEFT_OUT_CLIPS, (f"{clip}\t{signer}" for clip, signer in clips.items()))


def add_digests_before(store: Path, digests: Iterable[str]) -> None:
    """Add digests of splits that had clips of these signers. Raises SlaError as `_add_lines`."""
    _add_lines(store / LEFT_OUT_SPLITS, digests)


def left_out_among(store: Path, signers: Iterable[str]) -> set[str]:
    """Those of these names that mean a signer who was left out of a store. Warns of a line with several names."""
    signers, left = set(signers), read_left_out(store)
    for line in left:
        if not alike(signers, [line]) and alike(signers, re.split(r"[,;\t]", line)):
            message = "%s: %r is read as one name, which nobody has; write each name on a line of its own"
            log.warning(message, store / LEFT_OUT, line)
    return alike(signers, left)


def _add_lines(path: Path, lines: Iterable[str]) -> None:
    """Raises SlaError as `atomic_write`, for a list that was changed meanwhile, or for a link: the list may be that
    of another store."""
    refuse_link(path)
    check = unchanged(path)
    there = dict.fromkeys(_lines(path))
    if new := [line for line in lines if line not in there]:
        text = "".join(f"{line}\n" for line in dict.fromkeys((*there, *new)))
        first = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""  # `read_text` takes one away
        write_text(path, first + text, check=check)


def _lines(path: Path) -> tuple[str, ...]:
    lines = read_text(path).split("\n") if os.path.lexists(path) else []  # what is no file is an error
    return tuple(filter(None, lines))


def alike(names: Iterable[str], wanted: Iterable[str]) -> set[str]:
    """Those names that mean one of the wanted signers; "" is unknown, and so nobody."""
    keys = set(map(signer_key, wanted)) - {""}
    return {name for name in names if signer_key(name) in keys}
