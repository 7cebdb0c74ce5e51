"""Facts that older files lack have the values that were valid then, which agree with those of the corpora now."""

from __future__ import annotations

import pytest

from sla_cli.artifact.legacy import preset_of, profile_of, unseen_of
from sla_cli.prep.corpora import corpora, find_corpus


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ("phoenix2014", "phoenix2014"),
        ("phoenix2014-si5", "phoenix2014"),
        ("phoenix2014t", "phoenix2014t"),
        ("csl-daily", "none"),
        ("isharah1000", "none"),
        ("", "none"),
    ],
)
def test_profile_by_corpus(corpus: str, name: str) -> None:
    assert profile_of(corpus) == name


@pytest.mark.parametrize("name", corpora())
def test_corpora_say_what_older_stores_of_them_leave_unsaid(name: str) -> None:
    corpus = find_corpus(name)
    assert corpus.profile == profile_of(name)
    assert corpus.preset == preset_of(name)
    for protocol in corpus.protocols or ("",):
        assert corpus.unseen.get(protocol, "") == unseen_of(name, protocol)
