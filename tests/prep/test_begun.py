"""The request of an unfinished store is read back as it was, or refused with one sentence."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest

from sla_cli.errors import FormatError, ReadError, SlaError
from sla_cli.prep.begun import Begun, begin, newest_unfinished, read_begun
from sla_cli.prep.corpora import corpora
from sla_cli.prep.request import PrepRequest

OPTIONS = {
    "elan": {"tier": ("a", "b*"), "pause": 0.5, "media": "/videos"},
    "folder": {"media": "/videos"},
}
FRAMES = {"size": 32, "codec": "png", "fps": 12.5, "labels": "phoenix2014", "shard_clips": 3}


def begun_in(folder: Path, corpus: str = "elan") -> tuple[Path, Begun]:
    request = PrepRequest.checked(corpus, folder / "corpus", OPTIONS.get(corpus, {}), FRAMES)
    begun = Begun(request, "skip", force=True)
    return begin(folder, begun), begun


@pytest.mark.parametrize("corpus", list(corpora()))
def test_every_request_is_read_back_as_it_was(tmp_path: Path, corpus: str) -> None:
    folder, begun = begun_in(tmp_path, corpus)
    assert read_begun(folder) == begun


@pytest.mark.parametrize(
    "text",
    ["", "5", "[]", "{}", '"request"', "null", '{"request": 5}', '{"request": {}}', "{" * 100_000, "\x00", "\xff"],
)
def test_a_file_of_another_shape_is_one_sentence(tmp_path: Path, text: str) -> None:
    folder, _ = begun_in(tmp_path)
    (folder / "begun.json").write_bytes(text.encode("latin-1"))
    check_refused(folder)


def check_refused(folder: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_begun(folder)
    assert str(folder / "begun.json") in caught.value.message
    assert "\n" not in caught.value.message
    assert not re.search("argument|attribute|hashable|mapping|PathLike|'request'", caught.value.message), "of Python"
    assert str(folder) in caught.value.hint


WRONG = (None, 5, -1, "x", [], ["x", 5], {}, {"x": 1}, True, 1e400)


@pytest.mark.parametrize("part", ["", "request", "options", "frames"])
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_value_of_another_type_is_one_sentence(tmp_path: Path, part: str, wrong: object) -> None:
    """Each key of the file in turn. A value that is right for its key is read."""
    folder, _ = begun_in(tmp_path)
    path = folder / "begun.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    inner = {"": values, "request": values["request"]}.get(part) or values["request"][part]
    for key, right in list(inner.items()):
        inner[key] = wrong
        path.write_text(json.dumps(values), encoding="utf-8")
        try:
            read_begun(folder)
        except FormatError:
            check_refused(folder)
        else:
            assert type(right) is type(wrong) or isinstance(right, int | float | bool) or right in ([], "")
        inner[key] = right


@pytest.mark.parametrize("part", ["", "request", "options", "frames"])
def test_a_key_that_is_not_known_is_one_sentence(tmp_path: Path, part: str) -> None:
    folder, _ = begun_in(tmp_path)
    path = folder / "begun.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    inner = {"": values, "request": values["request"]}.get(part) or values["request"][part]
    inner["later"] = 1
    path.write_text(json.dumps(values), encoding="utf-8")
    check_refused(folder)


def test_a_corpus_that_this_version_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="unknown corpus 'phoenix2015'") as caught:
        PrepRequest.checked("phoenix2015", tmp_path, {}, FRAMES)
    assert "phoenix2014" in caught.value.hint
    folder, _ = begun_in(tmp_path)
    path = folder / "begun.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"elan"', '"phoenix2015"'), encoding="utf-8")
    check_refused(folder)


def test_what_cannot_be_read_now_is_not_to_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With it would go what was encoded."""
    folder, _ = begun_in(tmp_path)

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("sla_cli.artifact.text.read_regular", refused)
    with pytest.raises(ReadError, match=r"begun\.json: Permission denied") as caught:
        read_begun(folder)
    assert "Remove" not in caught.value.hint


def test_the_newest_of_a_corpus_is_continued(tmp_path: Path) -> None:
    """Also one without a readable file is named, not passed over."""
    with pytest.raises(SlaError, match="no unfinished store of elan in") as caught:
        newest_unfinished(tmp_path, "elan")
    assert "sla prep elan SOURCE" in caught.value.hint
    for name, corpus in (("one", "elan"), ("two", "elan"), ("three", "folder")):
        begun_in(tmp_path / name, corpus)
    out, begun = newest_unfinished(tmp_path, "elan")
    assert (out, begun.request.corpus.name) == (tmp_path / "two", "elan")


def test_only_caches_of_other_attempts_are_removed(tmp_path: Path) -> None:
    folder, begun = begun_in(tmp_path)
    for name in (".spool-notes", ".spool-0123"):
        (tmp_path / name).mkdir()
    (tmp_path / ".spool-abc").write_text("a file of somebody")
    assert begin(tmp_path, begun) == folder
    assert {path.name for path in tmp_path.glob(".spool-*")} == {".spool-notes", ".spool-abc", folder.name}
