"""The arguments of an unfinished store, edited, damaged, or of a later version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sla_cli.errors import FormatError
from sla_cli.prep.resume import PrepArguments, begin, read_arguments


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("", "Expecting value"),
        ("5", "not a JSON object"),
        ('"protocol"', "not a JSON object"),
        ({"config": 5}, "config is 5"),
        ({"source": None}, "source is None"),
        ({"config": {"colour": 1}}, "colour in config is not known"),
        ({"wanted": {"mood": 1}}, "mood in wanted is not known"),
        ({"later": 1}, "later"),
    ],
)
def test_arguments_that_cannot_be_read(tmp_path: Path, change: str | dict[str, object], message: str) -> None:
    folder = begin(tmp_path, "recipe", PrepArguments("folder", "corpus", {"size": 32}))
    path = folder / "begun.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    assert read_arguments(folder) == PrepArguments("folder", "corpus", {"size": 32})
    path.write_text(change if isinstance(change, str) else json.dumps(written | change), encoding="utf-8")
    with pytest.raises(FormatError, match=message) as caught:
        read_arguments(folder)
    assert str(path) in caught.value.message
    assert str(folder) in caught.value.hint
