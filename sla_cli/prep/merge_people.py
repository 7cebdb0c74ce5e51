"""Who is one person when stores are merged: the same name in stores of one corpus, never in those of two corpora."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from sla_cli.core.alike import in_one_form
from sla_cli.core.clip import SPLITS, signer_key
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, argument, some
from sla_cli.log import log
from sla_cli.prep.checks.finding import refuse_problems
from sla_cli.prep.checks.overlap import check_sentences, check_signers
from sla_cli.prep.left_out import check_returning
from sla_cli.store.clips import Split
from sla_cli.store.content import StoreHeader
from sla_cli.store.division import Division
from sla_cli.store.left_out import check_lists, clips_left_out, left_out_among, read_left_out
from sla_cli.store.store import Store


def prefixes_of(stores: Mapping[str, Store]) -> dict[str, str]:
    """What comes before the names of signers of each store: a name is one person in the stores of one corpus only."""
    first: dict[str, str] = {}
    prefixes = {name: first.setdefault(store.header.corpus, f"{name}-") for name, store in stores.items()}
    return prefixes if len(first) > 1 else dict.fromkeys(stores, "")


def check_left_out(out: Path, stores: Mapping[str, Store], clips: Mapping[str, tuple[str, str]]) -> None:
    """Raise SlaError if a signer who was left out of the store would come back, or a clip that went with one.

    Or one who was left out of a store that is merged, where another of the same corpus still has clips.

    Names of signers may be STORE-SIGNER there. Warn of one who may be the same person: the folder of a store may have
    another name now, and in a store that was merged the person has another one.

    Args:
        clips: by new id the store and the id there.
    """
    prefixes, places = prefixes_of(stores), [out, *(store.path for store in stores.values())]
    left_out = [(gone, place) for place in places for gone in read_left_out(place)]
    for name, store in stores.items():
        for signer in sorted(set(store.clips.signers) - {""}):
            if left_out_among(out, (signer, prefixes[name] + signer)):
                raise _still_there(store, signer, out)
            for other in _of_one_corpus(stores, name):
                if left_out_among(other.path, [signer]):
                    raise _still_there(store, signer, other.path)
            for gone, place in left_out:
                if place != store.path and _may_be_one(gone, signer):
                    message = "%s was left out of %s: if %s of %s is this person, leave them out there too"
                    log.warning(message, gone, place, signer, store.path)
        for other in _of_one_corpus(stores, name):
            if other is not store:
                check_returning(
                    other.path, dict(zip(store.clips.ids, store.clips.signers, strict=True)), str(store.path)
                )
    left = clips_left_out(out, read_left_out(out))
    for clip, (name, own) in clips.items():
        if whose := left.get(in_one_form(clip)):
            place = stores[name].path
            raise SlaError(
                f"clip {own} of {place} was left out of {out} with signer {whose}",
                "If it is another clip, give the new store another --name; else leave its signer out of "
                f"{argument(place)} too (`sla store leave-out`).",
            )


def _of_one_corpus(stores: Mapping[str, Store], name: str) -> list[Store]:
    """The stores of the corpus of one of them: there, a name is one person, and an id one clip."""
    return [store for store in stores.values() if store.header.corpus == stores[name].header.corpus]


def _may_be_one(one: str, other: str) -> bool:
    """Whether one of two names of signers is the other with the name of a store before it."""
    long, short = sorted(map(signer_key, (one, other)), key=len, reverse=True)
    return long.endswith(f"-{short}")


def _still_there(store: Store, signer: str, left: Path) -> SlaError:
    command = f"sla store leave-out {argument(store.path)} --signer {shlex.quote(signer)}"
    return SlaError(
        f"signer {signer} was left out of {left}, but {store.path} has clips of this person",
        f"`{command}` removes them there too.",
    )


def names_left_out(stores: Mapping[str, Store]) -> list[str]:
    """Signers who were left out of stores that are merged, by their names in the new one."""
    prefixes = prefixes_of(stores)
    return [prefixes[name] + signer for name, store in stores.items() for signer in read_left_out(store.path)]


def clips_that_left(stores: Mapping[str, Store]) -> dict[tuple[str, str], str]:
    """Clips that went with them: store and id, each with the signer's name in the new store.

    Raises SlaError as `check_lists`.
    """
    for store in stores.values():
        check_lists(store.path)
    prefixes = prefixes_of(stores)
    return {
        (name, clip): prefixes[name] + signer
        for name, store in stores.items()
        for clip, signer in clips_left_out(store.path, read_left_out(store.path)).items()
    }


def check_promise(
    stores: Mapping[str, Store], parts: Sequence[tuple[str, Split]], header: StoreHeader, division: Division
) -> None:
    """Raise SlaError if splits share what the merged division promises that they do not.

    Args:
        header: of the merged store.
    """
    found, prefixes = list(check_sentences(_merged(parts, header, division))), prefixes_of(stores)
    for prefix in dict.fromkeys(prefixes.values()):
        own = [(name, part) for name, part in parts if prefixes[name] == prefix]
        _warn_of_signers(own)
        found += check_signers(_merged(own, header, division))
    refuse_problems(division.name, found)


def _merged(parts: Sequence[tuple[str, Split]], header: StoreHeader, division: Division) -> dict[str, Split]:
    """The clips of several stores by split."""
    splits = {}
    for split in SPLITS:
        if of_split := [part for _, part in parts if part.name == split]:
            rows = [row for part in of_split for row in part.rows]
            splits[split] = Split(of_split[0].store, header, division, split, rows, ())
    return splits


def _warn_of_signers(parts: Sequence[tuple[str, Split]]) -> None:
    """Say which names stores of one corpus share: each is taken as one person, whom leave-out and scores then mean."""
    known = {(signer_key(signer), name): signer for name, part in parts for signer in part.signers if signer}
    stores = Counter(key for key, _ in known)
    if shared := sorted({signer for (key, _), signer in known.items() if stores[key] > 1}):
        log.warning(
            "%s in more than one of the stores, each taken as one person: %s; if they are different people, give them "
            "different names in the tables and make these stores again",
            counted(sum(count > 1 for count in stores.values()), "signer is", "signers are"),
            some(shared, 20),
        )
