"""Which versions of a format are read."""

from __future__ import annotations

import pytest

from sla_cli.artifact.version import check_version, readable
from sla_cli.errors import FormatError


@pytest.mark.parametrize(("written", "read"), [(1, [1]), (2, [1, 2]), (3, [2, 3])])
def test_the_present_version_and_the_one_before_are_read(written: int, read: list[int]) -> None:
    assert list(readable(written)) == read
    for found in range(5):
        if found in read:
            check_version("x.tsv", "sla-x", written, found, "hint")
            check_version("x.tsv", "sla-x", written, str(found), "hint")
        else:
            with pytest.raises(
                FormatError, match=f"x.tsv: sla-x version {found}, this sla reads version {read[0]}"
            ) as no:
                check_version("x.tsv", "sla-x", written, found, "Make it again.")
            newer = "If a newer sla made it, update this one; if not: " * (found > written)
            assert no.value.hint == f"{newer}Make it again."


@pytest.mark.parametrize("found", [None, "one", "1.0", True, 1.5, [1]])
def test_what_is_no_version_is_refused(found: object) -> None:
    with pytest.raises(FormatError):
        check_version("x.tsv", "sla-x", 1, found, "hint")
