"""Python's search for circular references is on again afterwards, if it was on before."""

from __future__ import annotations

import gc

import pytest

from sla_cli.core.acyclic import acyclic


def test_it_is_as_before_also_after_an_error() -> None:
    with acyclic():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no"), acyclic():
        raise ValueError("no")
    assert gc.isenabled()


def test_who_does_without_it_goes_on_without() -> None:
    gc.disable()
    try:
        with acyclic():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
