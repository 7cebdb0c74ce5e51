"""From options to a decoder."""

from __future__ import annotations

from collections.abc import Sequence

from sla_cli.search.beam_decoder import BeamDecoder
from sla_cli.search.beam_options import BeamOptions
from sla_cli.search.decoder import Decoder
from sla_cli.search.greedy_decoder import GreedyDecoder


def open_decoder(glosses: Sequence[str], options: BeamOptions) -> Decoder:
    """The decoder for a vocabulary: glosses[i] has column i + 1, the blank column 0. Raises as `BeamDecoder` does."""
    return GreedyDecoder(glosses) if options.greedy else BeamDecoder(glosses, options)
