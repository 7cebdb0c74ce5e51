from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis

from sla_cli.errors import FormatError
from sla_cli.model.checkpoint import write_tensors
from sla_cli.model.domain import NAME, VERSION, Domain, fit_domain, load_domain, save_domain

CPU, WIDTH = torch.device("cpu"), 6
LOOKS = [{"brightness": float(value)} for value in range(101)]


def clips(number: int, *, seed: int = 0, far: float = 0.0) -> list[torch.Tensor]:
    """Correlated features, of which the deviations differ by a factor of 30; `far` deviations from the others."""
    rng = np.random.default_rng(seed)
    mixed = np.random.default_rng(9).normal(0, 1, (WIDTH, WIDTH)) * np.geomspace(0.3, 9, WIDTH)
    rows = (rng.normal(0, 1, (30, WIDTH)) + far / np.sqrt(WIDTH) for _ in range(number))
    return [torch.from_numpy(part @ mixed + 5).float() for part in rows]


@pytest.fixture(scope="module")
def domain() -> Domain:
    return fit_domain(clips(200), clips(40, seed=1), LOOKS, CPU)


def test_distances_are_those_of_mahalanobis(domain: Domain) -> None:
    rows = torch.cat(clips(200)).double().numpy()
    covariance = np.cov(rows.T, bias=True)
    covariance += 0.01 * np.trace(covariance) / WIDTH * np.eye(WIDTH)  # the shrinkage
    one = torch.cat(clips(2, seed=2, far=3))
    inverse = np.linalg.inv(covariance)
    wanted = [mahalanobis(row, rows.mean(0), inverse) / np.sqrt(WIDTH) for row in one.double().numpy()]
    np.testing.assert_allclose(domain(one).numpy(), wanted, rtol=1e-3)


def test_the_limit_is_above_clips_of_the_same_kind_and_below_others(domain: Domain) -> None:
    own = [domain(clip).mean().item() for clip in clips(300, seed=3)]
    other = [domain(clip).mean().item() for clip in clips(300, seed=3, far=4)]
    assert np.mean([distance > domain.limit for distance in own]) <= 0.01
    assert min(other) > domain.limit


def test_equal_clips_of_dev_still_leave_room() -> None:
    [one] = clips(1, seed=1)
    narrow = fit_domain(clips(200), [one], LOOKS, CPU)
    assert narrow.limit > 1.2 * narrow(one).mean().item()


def test_features_that_never_vary_are_no_obstacle() -> None:
    still = [torch.zeros(5, WIDTH) for _ in range(3)]
    domain = fit_domain(still, still, LOOKS, CPU)
    assert domain(torch.zeros(2, WIDTH)).tolist() == [0, 0]
    assert domain(torch.ones(2, WIDTH)).mean() > domain.limit


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_ends_with_the_features(domain: Domain, half: torch.dtype) -> None:
    features = clips(1)[0].to(half)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(domain(features), domain(features.float()))


def test_what_is_usual_leaves_out_the_most_extreme_clips(domain: Domain) -> None:
    assert domain.usual == {"brightness": (1.0, 99.0)}


def test_what_is_written_is_read(domain: Domain, tmp_path: Path) -> None:
    path = tmp_path / "domain.safetensors"
    save_domain(path, domain, "abc")
    again = load_domain(path, WIDTH, "abc")
    assert torch.equal(again.mean, domain.mean) and torch.equal(again.whitening, domain.whitening)
    assert (again.limit, again.usual) == (domain.limit, domain.usual)
    first = path.read_bytes()
    save_domain(path, again, "abc")
    assert path.read_bytes() == first


def test_another_checkpoint_or_model_and_damage_are_named(domain: Domain, tmp_path: Path) -> None:
    path = tmp_path / "domain.safetensors"
    save_domain(path, domain, "abc")
    with pytest.raises(FormatError, match="another checkpoint") as caught:
        load_domain(path, WIDTH, "abd")
    assert "sla train --resume" in caught.value.hint
    with pytest.raises(FormatError, match="does not fit"):
        load_domain(path, WIDTH + 1, "abc")
    tensors = {"mean": domain.mean, "whitening": domain.whitening}
    for limit, usual in (("x", "{}"), ("1.0", "[" * 10**5), ("1.0", '{"brightness": [1]}')):
        header = {"format": NAME, "version": str(VERSION), "weights": "abc", "limit": limit, "usual": usual}
        write_tensors(other := tmp_path / "other.safetensors", tensors, header)
        with pytest.raises(FormatError, match=r"other\.safetensors"):
            load_domain(other, WIDTH, "abc")
    path.write_bytes(path.read_bytes().replace(b'limit":"', b'limit":"x'))
    with pytest.raises(FormatError, match="damaged"):
        load_domain(path, WIDTH, "abc")
