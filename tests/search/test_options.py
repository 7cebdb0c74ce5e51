"""Which options of a search are refused because they would have no effect."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sla_cli.errors import SlaError
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import flag, options_given


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"lm": None, "beam": None, "alpha": None, "hotword_weight": None, "prune_logp": None}, BeamOptions()),
        ({"lm": Path("a.arpa"), "alpha": 0.0, "beta": 2.0}, BeamOptions(lm=Path("a.arpa"), alpha=0.0, beta=2.0)),
        ({"hotwords": ("A",), "hotword_weight": 0.0}, BeamOptions(hotwords=("A",), hotword_weight=0.0)),
        ({"lm": Path("a.arpa"), "nbest": 11}, BeamOptions(lm=Path("a.arpa"), nbest=11)),  # a tuned beam may be wider
        (
            {"lm": Path("a.arpa"), "beam": np.int64(3), "alpha": Decimal("0.5"), "beta": Fraction(1, 2)},
            BeamOptions(3, lm=Path("a.arpa"), alpha=0.5, beta=0.5),
        ),
        ({"prune_logp": -3.0, "token_min_logp": 0.0}, BeamOptions(prune_logp=-3.0, token_min_logp=0.0)),
        ({"beam": 1, "hotwords": ("A",), "prune_logp": -3.0}, BeamOptions(1, hotwords=("A",), prune_logp=-3.0)),
    ],
)
def test_what_is_left_out_has_its_default_and_numbers_are_plain(given: dict[str, Any], options: BeamOptions) -> None:
    found = options_given(given)
    assert found == options
    assert {type(found.alpha), type(found.beta)} <= {int, float}, "as the searches compute with them"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alpha": 0.5}, "^no language model is given for --alpha"),
        ({"alpha": 0.5, "beta": 1.0}, "^no language model is given for --alpha, --beta"),
        ({"hotwords": (), "hotword_weight": 0.5}, "^no hot word is given for --hotword-weight"),
        ({"beam": 1, "prune_logp": -10.0}, "^--prune-logp: no effect on a beam of 1"),
        (
            {"beam": 1, "prune_logp": -10.0, "token_min_logp": -5.0},
            "^--prune-logp, --token-min-logp: no effect",
        ),
        ({"beam": 1, "engine": "pyctcdecode"}, "^--engine: no effect on a beam of 1"),
        ({"max_oov": 1.0}, "^no language model is given for --max-oov"),
        ({"beam": 0}, "beam is 0"),
        ({"prune_logp": 1.0}, "prune_logp is 1.0"),
        ({"nbest": 11}, "a beam of 10 cannot give 11 hypotheses for each clip"),
        ({"nbest": 4, "beam": 3, "lm": Path("a.arpa")}, "a beam of 3 cannot give 4 hypotheses for each clip"),
    ],
)
def test_what_has_no_effect_or_is_out_of_bounds_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SlaError, match=message) as caught:
        options_given(given, flag)
    assert caught.value.hint
