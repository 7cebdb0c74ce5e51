from __future__ import annotations

import pytest
import torch
from synthetic import tiny

from sla_cli.model.network import Network
from sla_cli.train.ema import Ema


@pytest.fixture
def model() -> Network:
    return Network(tiny(), 3)


def test_the_average_is_the_plain_formulas(model: Network) -> None:
    ema, weight = Ema(model, 0.5), model.frame_classifier.bias
    average = weight.detach().clone()
    for step in range(1, 9):
        with torch.no_grad():
            weight.fill_(step)
        ema.update()
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * step
    torch.testing.assert_close(ema.weights["frame_classifier.bias"], average)


def test_the_models_own_weights_come_back(model: Network) -> None:
    ema = Ema(model, 0.9)
    before = {name: value.clone() for name, value in model.trained_state().items()}
    for value in ema.weights.values():
        value.zero_()
    with pytest.raises(KeyError), ema.applied():
        assert not any(value.any() for value in model.trained_state().values())
        raise KeyError
    assert all(torch.equal(value, before[name]) for name, value in model.trained_state().items())


def test_only_what_is_trained_is_averaged(model: Network) -> None:
    assert Ema(model, 0.9).weights.keys() == model.trained_state().keys()
