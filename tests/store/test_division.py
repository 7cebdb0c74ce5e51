"""Divisions: a table is read as it was written, or refused by line; which one a store uses, and its splits."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from clip_store import clip, make_store
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.artifact.receipt import receipt_path
from sla_cli.core.clip import SPLITS
from sla_cli.errors import FormatError, SlaError
from sla_cli.store.division import Division, read_division, write_division
from sla_cli.store.paths import division_path
from sla_cli.store.store import Store, is_store_of, open_split

CLIPS = [clip(name, text, 3) for name, text in (("a", "A"), ("b", "B"), ("c", "C"), ("d", "A B"))]
# As an id can be: neither empty nor with control characters or `/`.
IDS = st.text(st.characters(codec="utf-8", exclude_categories=("C",), exclude_characters="/"), min_size=1, max_size=20)
FACT = st.sampled_from(["", "signers", "sentences"])


@given(st.dictionaries(IDS.filter(str.strip), st.sampled_from(SPLITS)), FACT, st.sampled_from(["", "by signer: x, 1"]))
def test_a_division_is_read_as_it_was_written(splits: dict[str, str], unseen: str, drawn: str) -> None:
    written = Division("mine", splits, unseen, drawn)
    with tempfile.TemporaryDirectory() as folder:
        write_division(Path(folder), written)
        assert read_division(division_path(Path(folder), "mine")) == written


def test_the_table_is_one_that_any_program_reads(tmp_path: Path) -> None:
    write_division(tmp_path, Division("SI", {"a": "train", "b": "dev"}, "signers"))
    text = division_path(tmp_path, "SI").read_text(encoding="utf-8")
    head, rows = text.split("clip\tsplit\n")
    assert re.fullmatch("# sla-division 1\n# unseen: signers\n# digest: [0-9a-f]{16}\n", head)
    assert rows == "a\ttrain\nb\tdev\n"
    write_division(tmp_path, drawn := Division("by", {"b": "dev"}, "signers", "by", signers={"a": "ann", "b": "bob"}))
    assert division_path(tmp_path, "by").read_text(encoding="utf-8").endswith("clip\tsplit\tsigner\nb\tdev\tbob\n")
    assert read_division(division_path(tmp_path, "by")) == replace(drawn, signers={"b": "bob"})


def test_a_table_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    """Unless its digest was removed: who edits a table by hand says so by that."""
    path, splits = division_path(tmp_path, "SI"), {"a": "train", "b": "dev"}
    write_division(tmp_path, Division("SI", splits, drawn="by signer", signers={"a": "ann", "b": "bob"}))
    path.write_text(path.read_text(encoding="utf-8").replace("bob", "cem"), encoding="utf-8")
    with pytest.raises(SlaError, match="digest"):
        read_division(path)
    write_division(tmp_path, Division("SI", splits))
    path.write_text(path.read_text(encoding="utf-8").replace("b\tdev", "b\ttest"), encoding="utf-8")
    with pytest.raises(SlaError, match="digest"):
        read_division(path)
    path.write_text(re.sub("# digest.*\n", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    assert read_division(path).splits == {"a": "train", "b": "test"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip\tsplit\na\ttrain\na\tdev\n", "line 3: clip a is listed twice"),
        ("# sla-division 1\n# unseen: signers\nclip\tsplit\na\ttrain\na\ttrain\n", "line 5: clip a is listed twice"),
        ("clip\tsplit\na\tother\n", "line 2: split 'other' is not one of train, dev, test, val"),
        ("clip\tsplit\n\ttrain\n", "line 2: it names no clip"),
        ("# unseen: signer\nclip\tsplit\na\ttrain\n", "unseen 'signer' is neither signers nor sentences"),
        ("#unseen:signer\nclip\tsplit\na\ttrain\n", "unseen 'signer' is neither signers nor sentences"),
        ("clip\tsplit\na\t\n", "line 2: split '' is not one of train, dev, test"),
        ("# sla-division 2\nclip\tsplit\na\ttrain\n", "sla-division version 2, this sla reads version 1"),
        ("# sla-division\nid\tsplit\na\ttrain\n", "no column clip"),
        ("clip\na\n", "no column split"),
        ("clip\tsplit\na\n", "line 2: 1 "),
        ("# sla-division 1\n# by hand\nclip\tsplit\na\n", "line 4: 1 "),
        ("# sla-division 1\nid\tsplit\n", "line 2: no column clip"),
        ("clip\tsplit\na\ttrain\tx\n", "line 2: 3 "),
        ("", "line 1"),
        ("# only a comment", "no column clip|line"),
        ("clip\tsplit\na\ttr\0ain\n", "line 2"),
        (b"clip\tsplit\n\xff\ttrain\n", "UTF-8"),
    ],
)
def test_a_table_that_is_no_division_is_refused_by_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "mine.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FormatError, match=message) as caught:
        read_division(path)
    assert str(path) in caught.value.message


def test_a_table_may_name_splits_as_that_of_a_corpus_does(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_text("clip\tsplit\na\tTrain\nb\tval\nc\tTEST\n")
    assert read_division(tmp_path / "d.tsv").splits == {"a": "train", "b": "dev", "c": "test"}


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"gone\.tsv"):
        read_division(tmp_path / "gone.tsv")


def test_the_splits_of_a_division(tmp_path: Path) -> None:
    """In the order of the store; the vocabulary is that of train; clips may be in no split."""
    folder = make_store(tmp_path, {"train": CLIPS}, shards=3)
    write_division(folder, Division("mine", {"d": "train", "a": "train", "c": "dev"}, "signers"))
    store = Store(folder, "mine")
    assert {name: store[name].ids for name in store.splits} == {"train": ["a", "d"], "dev": ["c"]}
    assert store.vocabulary == store["dev"].vocabulary == ("A", "B")
    assert (store["dev"].name, store["dev"].division, store["dev"].unseen) == ("dev", "mine", "signers")
    assert str(store["dev"]) == f"dev of {folder}:mine"
    assert store.clips.ids == ["a", "b", "c", "d"]
    assert store["dev"] is store["dev"]
    with pytest.raises(SlaError, match="has no split 'test'") as caught:
        store["test"]
    assert "train, dev" in caught.value.hint


def test_clips_that_the_store_lacks_are_in_no_split(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_store(tmp_path, {"train": CLIPS})
    write_division(folder, Division("mine", {"a": "train", "gone": "dev"}))
    with caplog.at_level("WARNING", "sla"):
        assert Store(folder, "mine").splits == ["train"]
    assert "division mine of" in caplog.text and "lists clips that are not there: gone" in caplog.text


def test_the_default_division(tmp_path: Path) -> None:
    """The corpus's first, whatever else was drawn; else the only one; else glosses decide; several are a question."""
    one, other = {"a": "train", "b": "test"}, {"a": "test", "b": "train"}
    own = make_store(tmp_path / "own", {"train": CLIPS}, division="US", results={"divisions": {"US": {}, "SI": {}}})
    for name in ("SI", "A drawn one"):
        write_division(own, Division(name, other))
    assert Store(own).division.name == "US"
    assert (Store(own).name, Store(f"{own}:SI").name) == (f"{own}:US", f"{own}:SI")
    assert Store(f"{own}:SI")["test"].ids == Store(own, "SI")["test"].ids == ["a"]
    division_path(own, "US").unlink()
    with pytest.raises(FormatError, match=r"own division is missing: .*US\.tsv"):
        Store(own)
    with pytest.raises(FormatError, match=r"own division is missing: .*US\.tsv"):
        Store(own, "US")
    assert Store(f"{own}:SI").division.name == "SI"

    none = make_store(tmp_path / "none", {"train": [*CLIPS, clip("new", "", 3)]}, results={"divisions": {}})
    division_path(none, "corpus").unlink()
    store = Store(none)
    assert (store.division.name, store.name, store["test"].ids) == ("", str(none), ["new"])
    assert store["train"].ids == ["a", "b", "c", "d"]
    write_division(none, Division("drawn", one))
    assert Store(none).division.name == "drawn"
    write_division(none, Division("again", other))
    with pytest.raises(SlaError, match="has several divisions: again, drawn") as caught:
        Store(none)
    assert f"{none}:again" in caught.value.hint
    assert Store(f"{none}:again")["train"].ids == ["b"]
    with pytest.raises(SlaError, match="has no division 'SI'") as caught:
        Store(none, "SI")
    assert "again, drawn" in caught.value.hint
    with pytest.raises(SlaError, match="none:again names another division than 'drawn'"):
        Store(f"{none}:again", "drawn")
    for odd in (5, True, b"m", ["again"], None):
        with pytest.raises(SlaError, match=r"^division is "):
            Store(none, odd)  # type: ignore[arg-type]


def test_a_store_that_is_none_or_not_finished(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"is not a store: no clips\.h5 in it"):
        Store(tmp_path)
    with pytest.raises(SlaError, match=r"^no such store: .*/none"):
        Store(tmp_path / "none")
    (tmp_path / "begun" / ".spool-0").mkdir(parents=True)
    with pytest.raises(SlaError, match="not complete: its prep or merge is"):
        Store(tmp_path / "begun")
    folder = make_store(tmp_path / "s", {"train": CLIPS}, shards=2)
    receipt = receipt_path(folder).read_bytes()
    receipt_path(folder).unlink()
    with pytest.raises(SlaError, match="not complete: its prep or merge is"):
        Store(folder)
    receipt_path(folder).write_bytes(receipt)
    (folder / "clips-0001.h5").rename(folder / "clips-0002.h5")
    assert len(Store(folder).clips) == 4, "the number in the file counts, not that in its name"
    (folder / "clips-0002.h5").unlink()
    with pytest.raises(FormatError, match="are not all shards in order, from 0, but 0 of 2") as caught:
        Store(folder)
    assert "`sla merge`" in caught.value.hint


def test_a_clip_that_is_stored_twice(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="clips that are stored twice: a"):
        Store(make_store(tmp_path, {"train": [CLIPS[0], CLIPS[1], CLIPS[0]]}, shards=2))


def test_a_store_is_recognised_by_its_digests(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "a", {"train": CLIPS[:2], "dev": CLIPS[2:]})
    digests = {name: Store(folder)[name].digest for name in ("train", "dev")}
    assert is_store_of(digests, "corpus")(folder)
    assert not is_store_of(digests, "SI")(folder)
    assert not is_store_of(digests | {"dev": "0" * 16}, "corpus")(folder)
    assert not is_store_of(digests | {"test": ""}, "corpus")(folder)
    assert not is_store_of(digests, "corpus")(tmp_path)


def test_a_split_is_opened_once_by_the_name_of_its_store(tmp_path: Path) -> None:
    folder = make_store(tmp_path, {"train": CLIPS})
    write_division(folder, Division("mine", {"b": "dev"}))
    store = Store(folder, "mine")
    asked = store.name, "dev", store["dev"].digest
    assert open_split(*asked).ids == ["b"]
    assert open_split(*asked) is open_split(*asked)
