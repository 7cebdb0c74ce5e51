"""Names of files in messages and files: as text where they are text, else by numbers."""

from __future__ import annotations

import errno
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

import sla_cli
from sla_cli.errors import FormatError, SlaError, file_errors, some, visible, without_pattern


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("müll", "müll"),
        ("m\udcc3\udcbcll", "müll"),  # as Python reads it in a locale without UTF-8
        ("bad\udcff", r"bad\udcff"),
        ("half\ud800", r"half\ud800"),
        ("a\x1b[2J\u202eb\t", "a\\x1b[2J\\u202eb\t"),
    ],
)
def test_what_is_shown(name: str, shown: str) -> None:
    assert visible(name) == shown


def test_a_message_is_one_line_whatever_a_file_is_called() -> None:
    error = SlaError("cannot read a\n\nerror: b\t.csv", "rename a\nb")
    assert (error.message, error.hint) == (r"cannot read a\n\nerror: b\t.csv", r"rename a\nb")
    both = SlaError("2 failed:", several=[error, FormatError("c")])
    assert both.message == f"2 failed:\n  {error.message}\n    {error.hint}\n  c"
    sent = pickle.loads(pickle.dumps(both))
    assert (type(sent), sent.message, sent.hint) == (SlaError, both.message, "")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("no such video: user:s3cret@host/x", "no such video: host/x"),
        ("'rtsp:/:s3/cr@et@host' is wrong", "'rtsp://host' is wrong"),
        (
            "hf://OWNER/NAME@v1, /data/a:b@c.mp4 and INDEX:2@left",
            "hf://OWNER/NAME@v1, /data/a:b@c.mp4 and INDEX:2@left",
        ),
    ],
)
def test_passwords_in_addresses_are_not_shown(given: str, shown: str) -> None:
    error = SlaError(given)
    assert (error.message, error.args) == (shown, (shown,))


def test_an_address_in_the_place_of_a_file_is_shown_as_it_was_given() -> None:
    """A path made of it loses a slash."""
    given = "no such file or folder: https://example.org/a, and no run w/runs/hf://b/c; file:///d, c:/e and a:/f stay"
    made = given.replace("https://", "https:/").replace("hf://", "hf:/")
    assert SlaError(made).message == given


@pytest.mark.timeout(300)
@pytest.mark.parametrize("text", ["a", "ab:/:", "a:b", "'a:"])
def test_a_long_text_in_a_message_costs_no_time(text: str) -> None:
    """The search for passwords once took time that grew with the square of the length: 85 s for 100,000 letters."""
    long = text * (300_000 // len(text))
    begin, end = SlaError(long).message.split(" … ")
    assert long.startswith(begin) and long.endswith(end) and 100 < len(begin + end) <= 200


def test_of_a_long_message_and_of_a_long_value_in_one_the_ends_are_shown() -> None:
    begin, end = SlaError("words " * 1000).message.split(" … ")
    assert begin.startswith("words words") and end.endswith("words ") and 3990 < len(begin + end) <= 4000
    value, path = ",".join(["K5"] * 20_000), "/folder" * 140
    assert SlaError(f"head.pattern = {value!r} of {path} is too long").message == (
        f"head.pattern = {repr(value)[:133]} … {repr(value)[-67:]} of {path} is too long"
    )


def test_a_list_of_names_is_short_whatever_their_number_and_length() -> None:
    assert some(map(str, range(9))) == "0, 1, 2, 3, 4 and 4 more"
    assert some(["a", "b" * 10**6]) == f"a, {'b' * 1000}…"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(
    "call",
    [
        lambda folder: sla_cli.wer(folder / "h.csv", {"a": "A"}),
        sla_cli.Recognizer.open,
        sla_cli.Store,
    ],
)
def test_what_one_may_not_read_is_an_error_that_a_user_can_correct(call: Callable[[Path], object]) -> None:
    folder = Path(tempfile.mkdtemp())  # for its owner alone
    os.seteuid(65534)
    try:
        with pytest.raises(SlaError, match="Permission denied"):
            call(folder / "in")
    finally:
        os.seteuid(0)
    folder.rmdir()


def test_a_loop_of_links_is_an_error_that_a_user_can_correct(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SlaError, match=r"cannot read or write .*symbolic links"), file_errors():
        (tmp_path / "loop").resolve(strict=True)


def test_a_pattern_is_no_word_for_a_user() -> None:
    kind = Annotated[str, msgspec.Meta(pattern=r"\A[^'/\x00]{1,5}\Z")]
    for given in ("a'/b", "", "too long"):
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.convert({"name": [given]}, dict[str, list[kind]])
        told = without_pattern(str(caught.value))
        assert told.startswith("a text that is not allowed here") and told.endswith(" - at `$[...][0]`")
    assert without_pattern("Expected `int`, got `str`") == "Expected `int`, got `str`"


def test_too_many_open_files_are_an_error_that_a_user_can_correct() -> None:
    with pytest.raises(SlaError, match=r"too many files are open at once\n.*-j"), file_errors():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))  # as of a pipe to another process
