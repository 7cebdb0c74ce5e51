"""Arrays that Python code gives: only the documented layout is taken, since another one would give other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sla_cli.core.clip import Source
from sla_cli.errors import SlaError
from sla_cli.transcribe.inputs import as_log_probs, as_pictures, as_place

PICTURE = np.zeros((4, 6, 3), np.uint8)


@given(
    dtype=st.sampled_from(["uint8", "int8", "uint16", "float32", "float64", "bool"]),
    shape=st.one_of(arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5), st.just((4, 6, 3))),
)
def test_a_picture_is_rgb_uint8_or_refused(dtype: str, shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, dtype)
    if dtype == "uint8" and len(shape) == 3 and shape[2] == 3 and picture.size:
        assert list(as_pictures([picture])) == [picture]
    else:
        with pytest.raises(SlaError, match="not a picture"):
            list(as_pictures([PICTURE, picture]))


class Scalar:
    """As a tensor of PyTorch without dimensions, which claims to be iterable."""

    def __iter__(self) -> Iterator[object]:
        raise TypeError("iteration over a 0-d tensor")


@pytest.mark.parametrize("frames", [None, 5, PICTURE, PICTURE[..., 0], np.zeros((2, 2, 4, 6, 3), np.uint8), Scalar()])
def test_one_picture_is_not_several(frames: Any) -> None:
    with pytest.raises(SlaError, match="not several pictures") as told:
        as_pictures(frames)
    assert "NoneType" not in told.value.message


def test_a_picture_of_more_pixels_than_any_video_has() -> None:
    huge = np.broadcast_to(np.zeros(3, np.uint8), (300_000, 300_000, 3))  # a view, which takes no memory
    with pytest.raises(SlaError, match="at most 64 million pixels"):
        list(as_pictures([huge]))


@pytest.mark.parametrize(
    "fields",
    [
        {"root": b"a"},
        {"root": 5},
        {"path": Path("a")},
        {"path": 5},
        {"start": float("nan")},
        {"start": -1.0},
        {"end": float("nan")},
        {"end": "5"},
        {"fps": "25"},
        {"fps": 0},
    ],
    ids=str,
)
def test_a_place_of_other_types_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(SlaError, match="Source"):
        as_place(replace(Source(Path("a"), "b.mp4"), **fields))
    for path in ("../b.mp4", "/b.mp4"):
        with pytest.raises(SlaError, match=rf"the path of a Source, '{path}', leads outside of its root"):
            as_place(Source(Path("a"), path))
    assert as_place(Source("a", "b.mp4", 1)) == Source(Path("a"), "b.mp4", 1.0)  # type: ignore[arg-type]


def test_pictures_in_one_array_or_from_a_generator() -> None:
    assert len(list(as_pictures(np.stack([PICTURE, PICTURE])))) == 2
    assert len(list(as_pictures(PICTURE for _ in range(3)))) == 3


@pytest.mark.parametrize(
    "values",
    [
        None,
        [[0.0, 0.0]],
        np.zeros(3),
        np.zeros((2, 3, 4)),
        np.zeros((0, 3)),
        np.zeros((2, 4)),
        np.zeros((2, 3), int),
        np.zeros((2, 3)),
        np.full((2, 3), np.nan),
        np.full((2, 3), np.inf),
        np.full((2, 3), -50.0),
        np.log2(np.full((2, 3), 1 / 3)),
        np.ma.masked_array(np.log(np.full((2, 3), 1 / 3)), True),
        np.asmatrix(np.log(np.full((2, 3), 1 / 3))),
    ],
)
def test_what_are_no_log_probabilities(values: Any) -> None:
    with pytest.raises(SlaError, match=r"^log_probs"):
        as_log_probs(values, 3)


@pytest.mark.filterwarnings("error")
def test_log_probabilities_of_any_float_type_and_of_zero() -> None:
    values = np.array([[np.log(0.5), np.log(0.5), -np.inf], [0, -np.inf, -np.inf]])
    for dtype in (np.float16, np.float32, np.float64):
        np.testing.assert_array_equal(as_log_probs(values.astype(dtype), 3), values.astype(dtype).astype(np.float32))
    np.testing.assert_array_equal(as_log_probs(np.maximum(values, -1e300), 3), values.astype(np.float32))
