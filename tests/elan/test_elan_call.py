"""Values of parameters as ELAN writes them."""

from __future__ import annotations

import pytest
from elan_calls import call_text

from sla_cli.elan.call import Call, read_call
from sla_cli.elan.parameters import RECOGNIZERS
from sla_cli.errors import SlaError


def read(**values: object) -> Call:
    return read_call(call_text(video="v.mp4", glosses="g.xml", **values).encode(), RECOGNIZERS[0])


@pytest.mark.parametrize(("written", "beam"), [("20.0", 20), ("1.4E-45", 0), ("", 0)])
def test_a_number_is_written_with_a_fraction_and_may_be_unset(written: str, beam: int) -> None:
    assert read(beam=written).number("beam") == beam


@pytest.mark.parametrize(
    ("written", "path"),
    [("///home/a b/v.mp4", "/home/a b/v.mp4"), ("/home/v.mp4", "/home/v.mp4"), ("//server/v.mp4", "//server/v.mp4")],
)
def test_a_path_may_begin_with_what_is_left_of_a_url(written: str, path: str) -> None:
    assert str(read(parts=written).path("parts")) == path


@pytest.mark.parametrize("written", ["1_0", "\u0661\u0660", "inf", "ten"])
def test_a_number_has_digits_from_0_to_9(written: str) -> None:
    with pytest.raises(SlaError, match="is not a number"):
        read(beam=written)


def test_the_home_folder_of_nobody_is_refused() -> None:
    with pytest.raises(SlaError, match="~nobody-here/x: no such user"):
        read(parts="~nobody-here/x").path("parts")


def test_what_is_not_given_has_its_default() -> None:
    found = read()
    assert found.text("tier") == "SIGN" and found.text("sentences") == "no" and found.path("parts") is None


@pytest.mark.parametrize("data", [b"", b"<PARAM>", b"<TIER/>", b'<!DOCTYPE a [<!ENTITY b "c">]><PARAM>&b;</PARAM>'])
def test_anything_but_a_call_is_refused(data: bytes) -> None:
    with pytest.raises(SlaError, match="the call from ELAN") as refused:
        read_call(data, RECOGNIZERS[0])
    assert "Recognizer tab" in refused.value.hint
