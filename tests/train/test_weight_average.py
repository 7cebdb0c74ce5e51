from __future__ import annotations

import pytest
import torch
from synthetic import tiny

from sla_cli.errors import SlaError
from sla_cli.model.network import Network
from sla_cli.train.weight_average import WeightAverage, check_average


@pytest.fixture
def model() -> Network:
    return Network(tiny(), 3)


def test_the_average_is_the_plain_formulas(model: Network) -> None:
    average, weight = WeightAverage(model, tiny(train__ema=0.5).train), model.frame_classifier.bias
    expected = weight.detach().clone()
    for step in range(1, 9):
        with torch.no_grad():
            weight.fill_(step)
        average.after_step()
        average.after_epoch(step)  # nothing, without train.average
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    torch.testing.assert_close(average.weights["frame_classifier.bias"], expected)


def test_the_models_own_weights_come_back(model: Network) -> None:
    average = WeightAverage(model, tiny(train__ema=0.9).train)
    average.after_step()
    before = {name: value.clone() for name, value in model.trained_state().items()}
    for value in average.weights.values():
        value.zero_()
    with pytest.raises(KeyError), average.applied():
        assert not any(value.any() for value in model.trained_state().values())
        raise KeyError
    assert all(torch.equal(value, before[name]) for name, value in model.trained_state().items())


def test_only_what_is_trained_is_averaged(model: Network) -> None:
    assert WeightAverage(model, tiny(train__ema=0.9).train).weights.keys() == model.trained_state().keys()


def test_the_mean_of_the_last_epochs(model: Network) -> None:
    weight = model.frame_classifier.bias
    average = WeightAverage(model, tiny(train__epochs=5, train__average=3).train)
    for epoch in range(1, 6):
        with torch.no_grad():
            weight.fill_(epoch**2)
        average.after_step()  # nothing, without train.ema
        for _ in range(2):  # again, as after resuming between training and scoring
            average.after_epoch(epoch)
        with average.applied():
            mean = epoch**2 if epoch < 3 else sum(end**2 for end in range(3, epoch + 1)) / (epoch - 2)
            torch.testing.assert_close(weight, torch.full_like(weight, mean))


def test_two_averages_are_refused_and_one_that_patience_may_prevent() -> None:
    for other in ({"train__ema": 0.9}, {"train__patience": 2}):
        with pytest.raises(SlaError, match=r"train\.\w+ and train\.average are both set"):
            check_average(tiny(train__average=3, **other).train)
    for one in (tiny(train__patience=2), tiny(train__ema=0.9, train__patience=2), tiny(train__average=3)):
        check_average(one.train)
