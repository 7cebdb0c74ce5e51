"""A split's log-probabilities: what training scores on dev and what decoding starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from sla_cli.config import Config
from sla_cli.data.batching import to_pixels
from sla_cli.data.dataset import ClipDataset, evaluation_batches
from sla_cli.formats.emissions import Emission, EmissionHeader, emission_receipt, is_current, write_emissions
from sla_cli.formats.receipt import receipt_path, write_receipt
from sla_cli.formats.run import Run, check_glosses
from sla_cli.formats.store import Split
from sla_cli.log import log, progress
from sla_cli.model.checkpoint import load_weights
from sla_cli.model.device import Placement, place
from sla_cli.model.recognizer import Recognizer


def emissions_of(model: Recognizer, split: Split, config: Config, placement: Placement) -> Iterator[Emission]:
    """Log-probabilities of each clip of a split, in the store's order; the model is left in evaluation mode."""
    model.eval()
    data = ClipDataset(split, (), model.stride, config.train, config.model.image_size)
    for batch in evaluation_batches(data, placement.cuda):
        with torch.inference_mode(), placement.autocast():
            pixels = to_pixels(
                batch,
                crop=config.train.crop,
                size=config.model.image_size,
                mean=model.backbone.mean,
                std=model.backbone.std,
                device=placement.device,
            )
            logits = model(pixels, batch.lengths).sequence
        yield Emission(batch.ids[0], logits.log_softmax(-1).cpu().numpy(), int(batch.lengths[0]))


def emit(run: Run, split: Split, out: Path, *, device: str = "auto", weights: str | None = None) -> None:
    """Run the best checkpoint of a run over a split and write its emissions file, unless it is there and current.

    Args:
        device: auto, cpu or cuda.
        weights: the backbone's weights, where the file has moved since training.

    Raises:
        SlaError: the run's glosses do not match the store, or its weights do not fit the backbone.
    """
    check_glosses(run, split)
    receipt = emission_receipt(run, split)
    if is_current(out, receipt):
        log.info("taking emissions %s", out)
        return
    config = run.config
    if weights is not None:
        config = replace(config, model=replace(config.model, weights=weights))
    precision = config.train.precision
    placement = place(device, "auto" if precision == "fp16" else precision)  # a run from a GPU decodes on a CPU too
    model = Recognizer(config, len(run.glosses))
    load_weights(run.best, model, run.glosses)
    model.to(placement.device)
    header = EmissionHeader(
        corpus=split.corpus,
        split=split.name,
        glosses=run.glosses,
        stride=model.stride,
        fps=split.fps,
        store=str(split.path.parent.resolve()),
        run=str(run.path.resolve()),
    )
    with progress(f"emissions of {split.name}", len(split)) as advance:

        def counted() -> Iterator[Emission]:
            for emission in emissions_of(model, split, config, placement):
                yield emission
                advance()

        receipt_path(out).unlink(missing_ok=True)
        write_emissions(out, header, counted())
    receipt.results = {"clips": len(split), "device": str(placement.device), "precision": str(placement.dtype)}
    write_receipt(receipt, out)
