"""Facts that files of earlier versions do not contain, with the values that were valid when they were written."""

from __future__ import annotations

from sla_cli.artifact.receipt import Receipt

# Stores, emissions, hypotheses and runs up to commit b94205a name their corpus, not its scoring profile or preset.
_PROFILES = {"phoenix2014": "phoenix2014", "phoenix2014-si5": "phoenix2014", "phoenix2014t": "phoenix2014t"}
_UNSEEN = {"phoenix2014-si5": "signers", "SI": "signers", "US": "sentences"}

# Version 1 of the store had one file for each split, glosses as annotated, and only this fit.
STORE_1 = {"fit": "squash", "labels": "raw", "protocol": "", "annotated": True, "recipe": "", "shard": 0, "shards": 1}


def made_before_encoders(there: Receipt, wanted: Receipt) -> bool:
    """Whether a store of the same settings and tables was made when receipts had the corpus's path but no encoder."""
    if there.stage != "prep" or "encoder" in there.arguments:
        return False
    was = {key: value for key, value in there.arguments.items() if key != "source"}
    now = {key: value for key, value in wanted.arguments.items() if key != "encoder"}
    return was == now and there.inputs == wanted.inputs


def profile_of(corpus: str) -> str:
    """The normalisation profile under which a corpus was scored by default."""
    return _PROFILES.get(corpus, "none")


def preset_of(corpus: str) -> str:
    """The training preset that a corpus had."""
    return "isharah" if corpus.startswith("isharah") else "base"


def unseen_of(corpus: str, protocol: str) -> str:
    """What evaluation splits of a corpus or its protocol do not share with train by definition, "" for nothing."""
    return _UNSEEN.get(corpus) or _UNSEEN.get(protocol, "")
