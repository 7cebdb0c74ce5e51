from __future__ import annotations

from pathlib import Path

import pytest
from synthetic import VARIANTS, tiny, write_store

from sla_cli.errors import SlaError
from sla_cli.model.network import Network
from sla_cli.train.dry_run import dry_run, modules_of


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_table_counts_each_parameter_once(variant: str) -> None:
    model = Network(tiny(model__variant=variant), 3)
    modules = modules_of(model)
    assert sum(part.total for part in modules) == sum(value.numel() for value in model.parameters())
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    assert sum(part.trained for part in modules) == trained
    assert ("backbone, adapted" in {part.name for part in modules}) == (variant != "frozen")


def test_two_steps_tell_memory_and_time_and_write_nothing(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    before = sorted(tmp_path.rglob("*"))
    found = dry_run(store, tiny(train__batch=4, train__epochs=7), "cpu")
    assert sorted(tmp_path.rglob("*")) == before
    assert (found.clips, found.steps, found.device, found.precision) == (6, 2, "cpu", "float32")
    assert found.frames > found.heaviest > 4 * 12 - 1
    assert found.memory_mib > 50
    assert found.epoch_seconds == pytest.approx(found.step_seconds * found.frames / found.heaviest)
    assert found.run_seconds == pytest.approx(7 * found.epoch_seconds)
    assert "temporal convolutions" in found.text()
    assert f"{sum(part.total for part in found.modules):,}" in found.text()


def test_what_training_would_refuse_is_refused(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    with pytest.raises(SlaError, match="no such weights file"):
        dry_run(store, tiny(model__weights="gone"), "cpu")
    with pytest.raises(SlaError, match=r"train\.min_frames 12 is above train\.max_frames 11"):
        dry_run(store, tiny(train__max_frames=11), "cpu")
