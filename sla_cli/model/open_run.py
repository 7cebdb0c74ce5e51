"""The model of a finished run, ready for inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sla_cli.config.settings import Config
from sla_cli.errors import FormatError
from sla_cli.model.added import merge_added
from sla_cli.model.checkpoint import load_weights, network_for
from sla_cli.model.device import Placement, check_default_dtype, place, set_tf32
from sla_cli.model.domain import Domain, load_domain
from sla_cli.model.frame_scores import FrameScorer, load_scorer
from sla_cli.model.network import Network
from sla_cli.work.run import Run


@dataclass(frozen=True)
class OpenedModel:
    """A run's best weights on a device.

    Attributes:
        network: in evaluation mode.
        config: settings of the run, with the given weights file.
        glosses: in the order of the output columns; column 0 is the blank.
        merged: number of added modules that were merged into the frozen weights.
        scorer: of frames; None if the run has none.
        domain: what training has shown; None if the run has none.
    """

    network: Network
    config: Config
    placement: Placement
    glosses: tuple[str, ...]
    merged: int
    scorer: FrameScorer | None = None
    domain: Domain | None = None

    @property
    def stride(self) -> int:
        """Frames per output step."""
        return self.network.stride


def open_model(
    run: Run, *, device: str = "auto", precision: str = "auto", weights: str | None = None, fitted: bool = True
) -> OpenedModel:
    """Load the best weights of a run, merge added modules if this is exact, and put the model on a device.

    From then on, float32 computation in this process does not use TF32.

    Args:
        device: auto, cpu, cuda or cuda:N.
        precision: fp32, bf16, fp16; auto is that of training, and fp32 on a CPU for a run that was trained in fp16.
        weights: the backbone's weights, if the file has moved since training.
        fitted: with what training adds after the last epoch; False while it does.

    Raises:
        SlaError: the run is incomplete, also as `Run.check_whole`, or is changed meanwhile, its weights do not fit the
            backbone, or the device does not exist or cannot run this precision.
    """
    try:
        with run.as_one():
            return _opened(run, device, precision, weights, fitted)
    except FormatError as error:
        raise FormatError(error.message, run.again or error.hint) from error


def _opened(run: Run, device: str, precision: str, weights: str | None, fitted: bool) -> OpenedModel:
    check_default_dtype()
    if fitted:
        run.check_whole()
    config, glosses = run.config, run.glosses
    if weights is not None:
        config = replace(config, model=replace(config.model, weights=weights))
    trained = config.train.precision
    if precision == "auto" and trained != "fp16":  # not possible on a CPU
        precision = trained
    placement = place(device, precision, "fp16" if trained == "fp16" else config.train.half)
    set_tf32(placement, False)
    network = network_for(run.best, config, glosses)
    load_weights(run.best, network, glosses)
    merged = merge_added(network)
    network.backbone.cast_frozen(placement.dtype)
    width, digest = network.backbone.width, run.weights_digest
    scorer, domain = None, None
    if fitted and run.frame_scores.is_file():
        scorer = load_scorer(run.frame_scores, (len(glosses) + 1, width), digest).to(placement.device)
    if fitted and run.domain.is_file():
        domain = load_domain(run.domain, width, digest).to(placement.device)
    return OpenedModel(network.to(placement.device).eval(), config, placement, glosses, merged, scorer, domain)
