"""Names of clips without ids."""

from __future__ import annotations

import pytest

from sla_cli.core.clip_name import clip_name, recording_name


@pytest.mark.parametrize(
    ("cell", "start", "end", "name"),
    [
        ("tea.mp4", None, None, "tea"),
        ("videos/a.b.MOV", None, None, "a.b"),
        ("tea.ts", None, None, "tea"),
        ("videos\\tea.mp4", None, None, "tea"),
        ("frames/take.1", None, None, "take.1"),
        ("frames/take.1/*.png", None, None, "take.1"),
        ("frames/take.1/*", None, None, "take.1"),
        ("frames/take/", None, None, "take"),
        ("videos/*.mp4", None, None, "*"),
        ("what*.mp4", None, None, "what*"),
        ("cafe\u0301.mp4", None, None, "caf\u00e9"),
        ("tea.mp4", 1.5, 4.0, "tea_1.5-4"),
        ("tea.mp4", 1.5, None, "tea_1.5-"),
        ("tea.mp4", None, 4.0, "tea_0-4"),
        ("day.mp4", 100000.1, 100000.34, "day_100000.1-100000.34"),
    ],
)
def test_names(cell: str, start: float | None, end: float | None, name: str) -> None:
    assert clip_name(cell, start, end) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/x*y.mp4", "x*y"), ("a/back\\slash.mp4", "back\\slash"), ("a/take.1", "take.1"), ("*.mp4", "*")],
)
def test_names_of_files_are_no_patterns(path: str, name: str) -> None:
    assert recording_name(path) == name
