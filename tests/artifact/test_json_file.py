"""Forged JSON and TOML of artifacts: each reader reads it or reports the error, and never fails in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sla_cli.artifact.json_file import decode_json, parse_json
from sla_cli.artifact.receipt import Receipt, read_receipt, write_receipt
from sla_cli.config.settings import resolve
from sla_cli.config.toml_file import read_toml
from sla_cli.errors import FormatError, SlaError
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.prep.begun import read_begun
from sla_cli.work.folder import Work
from sla_cli.work.run import Run
from sla_cli.work.scores import read_figures
from sla_cli.work.tuning import read_tuned

DEEP = "[" * 100_000 + "]" * 100_000
LONG = "9" * 5000
SURROGATE = '"\\ud800"'
NESTED = '{"a": ' * 100_000 + "1" + "}" * 100_000
HOSTILE = [
    DEEP,
    NESTED,
    LONG,
    SURROGATE,
    f'{{"id": {SURROGATE}, "glosses": []}}',
    f'{{"version": {LONG}}}',
    "[",
    "3",
    "",
]

READERS: dict[str, Callable[[Path], object]] = {
    "x.receipt.json": lambda path: read_receipt(path.with_name("x")),
    "receipt.json": lambda path: read_receipt(path.parent),
    "score.json": read_figures,
    "tuned.json": lambda path: read_tuned(path.parent),
    "begun.json": lambda path: read_begun(path.parent),
    "newest-elsewhere.json": lambda path: Work(path.parents[1]).newest_hypotheses(),
    "hyp.jsonl": read_gloss_file,
}


def place(folder: Path, name: str, text: str) -> Path:
    path = folder / "hypotheses" / name
    path.parent.mkdir(exist_ok=True)
    (path.parent / "x").touch()
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_json_is_refused_with_the_name_of_its_file(tmp_path: Path, name: str, text: str) -> None:
    path = place(tmp_path, name, text)
    if name == "newest-elsewhere.json":
        path = path.rename(Work(tmp_path).elsewhere)
    with pytest.raises(SlaError) as caught:
        READERS[name](path)
    assert path.name in caught.value.message
    caught.value.message.encode()


@pytest.mark.parametrize("text", [DEEP, LONG, SURROGATE])
def test_what_json_cannot_be_read(text: str) -> None:
    with pytest.raises(FormatError, match=r"file, line 3: not JSON"):
        parse_json(text, "file, line 3")
    assert parse_json('"\\ud83d\\ude00 \\\\ud800"', "file") == "😀 \\ud800"


def test_a_number_of_thousands_of_digits_is_named_in_words_of_sla() -> None:
    with pytest.raises(FormatError, match=r"this: not JSON that sla reads \(a number of thousands of digits\)$"):
        parse_json(LONG, "this")


def test_half_a_surrogate_pair_is_not_called_a_cut_off_text() -> None:
    with pytest.raises(FormatError, match=r"this: not JSON that sla reads \(it holds half of a pair of surrogates\)"):
        parse_json(SURROGATE, "this")
    with pytest.raises(FormatError, match="or holds half of a pair of surrogates"):
        decode_json(b'{"text": "A\\ud800"}', dict, "this")


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("receipt") / "x"
    path.touch()
    write_receipt(Receipt("prep", {"size": 3}, {"a": "b"}, results={"clips": {}}), path)
    return path.with_name("x.receipt.json").read_text(encoding="utf-8")


@settings(
    max_examples=150,
    suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_receipt_with_values_of_another_type(tmp_path: Path, written: str, data: st.DataObject) -> None:
    (tmp_path / "x").touch()
    path = tmp_path / "x.receipt.json"
    facts = json.loads(written)
    key = data.draw(st.sampled_from([*facts, "more"]))
    facts[key] = data.draw(values)
    path.write_text(json.dumps(facts), encoding="utf-8")
    try:
        found = read_receipt(tmp_path / "x")
    except FormatError:
        return
    assert found is not None
    for text in (found.stage, found.started, found.finished, found.fingerprint):
        assert isinstance(text, str)
    for table in (found.inputs, found.sources, found.environment):
        assert all(isinstance(value, str) for value in table.values())
    assert isinstance(found.arguments, dict)
    assert isinstance(found.results, dict)


RUN = {
    **{
        "format": '"sla-run"',
        "version": "2",
        "store": '"s"',
        "division": '""',
        "corpus": '"c"',
        "preset": '"base"',
        "labels": '""',
    },
    "profile": '""',
    "digests": '{train = "", dev = ""}',
    "frames": '{size = 3, fit = "pad", fps = 25.0, fps_lowest = 25.0, fps_highest = 25.0}',
}


@pytest.mark.parametrize("key", [key for key in RUN if key not in ("format", "version")])
@pytest.mark.parametrize("value", ["3", "true", "[[1]]", "{a = [1]}", LONG, DEEP, "nan"])
def test_a_run_with_values_of_another_type(tmp_path: Path, key: str, value: str) -> None:
    text = "".join(f"{name} = {other}\n" for name, other in (RUN | {key: value}).items())
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"run\.toml"):
        _ = Run(tmp_path).facts
    with pytest.raises(FormatError, match=r"run\.toml"):
        _ = Run(tmp_path).own_store if key == "store" else Run(tmp_path).facts


@pytest.mark.parametrize("text", [f"a = {LONG}", f"a = {DEEP}", "a = ["])
def test_settings_that_no_toml_reader_survives(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SlaError, match=r"c\.toml: not TOML"):
        read_toml(tmp_path / "c.toml")
    with pytest.raises(SlaError, match=r"digits|recursion|epochs"):
        resolve(sets=[f"train.epochs={text.removeprefix('a = ')}"])
