"""Python's search for circular references is on again afterwards, if it was on before."""

from __future__ import annotations

import gc

import pytest

from sla_cli.system.garbage_collection import without_garbage_collection


def test_it_is_as_before_also_after_an_error() -> None:
    with without_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no"), without_garbage_collection():
        raise ValueError("no")
    assert gc.isenabled()


def test_who_does_without_it_goes_on_without() -> None:
    gc.disable()
    try:
        with without_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
