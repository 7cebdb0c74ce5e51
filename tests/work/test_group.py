"""What makes runs a group of seeds: one configuration, each seed once; unknown runs are not judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_work import tiny_work

from sla_cli.config.settings import resolve
from sla_cli.errors import SlaError
from sla_cli.work.group import Member, check_group
from sla_cli.work.run import Run


def run(name: str, **train: object) -> Member:
    return Member(name, Path(name), resolve("tiny", flags={f"train.{key}": value for key, value in train.items()}))


def test_runs_that_differ_in_their_seed_are_a_group() -> None:
    check_group("x", [run("a", seed=0), run("b", seed=1), run("c", seed=2)])
    check_group("x", [run("a", seed=0)])


def test_settings_that_change_no_result_may_differ() -> None:
    check_group("x", [run("a", seed=0, workers=0, save_minutes=0.0), run("b", seed=1, workers=2, save_minutes=5.0)])


def test_other_settings_may_not() -> None:
    others = {"seed": 1, "lr": 0.5, "batch": 3, "flip": 0.0, "crop": 0.5}
    with pytest.raises(
        SlaError, match=r"x: a and c differ in train\.batch, train\.lr, train\.crop, so they are no group"
    ):
        check_group("x", [run("a", seed=0), run("b", seed=2), run("c", **others)])


def test_each_seed_and_each_run_counts_once() -> None:
    with pytest.raises(SlaError, match="a and c have the same seed, 3, so they are no group"):
        check_group("x", [run("a", seed=3), run("b", seed=1), run("c", seed=3)])
    with pytest.raises(SlaError, match="a is named twice in x"):
        check_group("x", [run("a", seed=3), run("b", seed=1), run("a", seed=3)])
    with pytest.raises(SlaError, match="one/dev and two/dev have the same seed"):
        check_group("x", [Member("dev", Path(f"{folder}/dev"), run("").config) for folder in ("one", "two")])


def test_runs_that_started_from_other_weights_are_no_group() -> None:
    begun = [replace(run("b", seed=1), start="0123"), replace(run("c", seed=2), start="4567")]
    with pytest.raises(SlaError, match="x: a and b started from other weights, so they are no group"):
        check_group("x", [run("a", seed=0), begun[0]])
    with pytest.raises(SlaError, match="b and c started from other weights"):
        check_group("x", begun)
    check_group("x", [begun[0], replace(begun[1], start="0123")])


def test_runs_that_were_trained_on_different_clips_are_no_group() -> None:
    """As after the store has grown."""
    one, two = (replace(run("a", seed=seed), clips={"train": str(seed), "dev": "d"}) for seed in (0, 1))
    with pytest.raises(SlaError, match="were trained on different clips, so they are no group"):
        check_group("x", [one, replace(two, path=Path("b"))])
    check_group("x", [one, replace(two, path=Path("b"), clips=one.clips)])
    trained = Run(tiny_work() / "runs" / "adapter")
    assert Member.of("a", trained.path, trained).clips == trained.facts.digests


def test_what_is_not_known_is_not_judged() -> None:
    check_group("x", [run("a", seed=0), Member("b", Path("b")), Member("c", Path("c"))])
    with pytest.raises(SlaError, match=r"a and c differ in train\.lr"):
        check_group("x", [run("a", seed=0), Member("b", Path("b")), run("c", seed=1, lr=0.5)])
