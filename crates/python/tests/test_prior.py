"""Priors: inside the package, of files, and of Python functions."""

from __future__ import annotations

import pickle

import numpy
import pytest

import dcodec

from conftest import ROOT

DEVIATION = 40.0


def gaussian(x_t: numpy.ndarray, sigma: float) -> numpy.ndarray:
    """E[x_0 | x_t] for independent normal values."""
    return x_t * (DEVIATION**2 / (DEVIATION**2 + sigma**2))


@pytest.fixture(scope="module")
def noise() -> numpy.ndarray:
    """A picture of that law, too small for bands, by which layers cost less than their KL."""
    values = numpy.random.default_rng(3).normal(127.5, DEVIATION, (176, 176, 3))
    return values.round().clip(0, 255).astype(numpy.uint8)


@pytest.fixture(scope="module")
def prior() -> dcodec.Prior:
    return dcodec.Prior.from_callable(gaussian, "gaussian of 40 levels", highest_sigma=1e5)


def test_the_rate_of_a_closed_form_denoiser(noise: numpy.ndarray, prior: dcodec.Prior) -> None:
    report = dcodec.encode_report(noise, quality=60, prior=prior, tune="none", prefilter=False)
    bits, kl_bits = (sum(layer[key] for layer in report.layers) for key in ("bits", "kl_bits"))
    assert len(report.layers) > 4
    file = 8 * len(report.data)
    # For normal values the rate is known: log2 of the ratio of the deviations, a value.
    psnr = dcodec.metrics.psnr(noise, dcodec.decode(report.data, prior=prior))
    error = 255 * 10 ** (-psnr / 20)
    ideal = noise.size * numpy.log2(noise.astype(float).std() / error)
    print(f"{psnr:.2f} dB: bits / KL {bits / kl_bits:.4f}, file / KL {file / kl_bits:.4f}")
    print(f"file / rate of the law {file / ideal:.4f}")
    # The KL is that of steps of this length; a trellis codes long ones for less.
    assert 0.97 < bits / kl_bits < file / kl_bits <= 1.07
    assert 1 < file / ideal < 1.1


def test_encode_and_decode_agree(noise: numpy.ndarray, prior: dcodec.Prior) -> None:
    data = dcodec.encode(noise, psnr=24, prior=prior, tune="none", prefilter=False)
    decoded = dcodec.decode(data, prior=prior)
    # The picture has the PSNR at which the encoder stopped by its own chain.
    assert 24 <= dcodec.metrics.psnr(noise, decoded) < 24.02
    assert numpy.array_equal(dcodec.decode(data, prior=prior), decoded)
    prefixes = [dcodec.decode(data[: len(data) * i // 5], prior=prior) for i in range(1, 6)]
    psnrs = [dcodec.metrics.psnr(noise, prefix) for prefix in prefixes]
    assert psnrs == sorted(psnrs)


def test_the_file_names_the_prior(noise: numpy.ndarray, prior: dcodec.Prior) -> None:
    data = dcodec.encode(noise[:40, :40], prior=prior, effort=1)
    info = dcodec.info(data)
    assert info["prior"] == prior.id and info["prior_name"] is None
    with pytest.raises(dcodec.UnsupportedError, match=prior.id):
        dcodec.decode(data)
    with pytest.raises(dcodec.WrongPriorError):
        dcodec.decode(data, prior="s")
    other = dcodec.Prior.from_callable(gaussian, b"\x01\x02\x03\x04")
    assert other.id == "01020304"
    with pytest.raises(dcodec.WrongPriorError, match="01020304"):
        dcodec.decode(data, prior=other)
    with pytest.raises(dcodec.UnsupportedError, match="reference|exact"):
        dcodec.encode(noise[:40, :40], prior=prior, lossless=True)


def test_a_failing_denoiser_breaks_nothing(noise: numpy.ndarray, prior: dcodec.Prior) -> None:
    small = noise[:48, :48]
    data = dcodec.encode(small, prior=prior, effort=1)
    calls = 0

    class Failure(Exception):
        pass

    def raises(x_t: numpy.ndarray, sigma: float) -> numpy.ndarray:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise Failure("of the third call")
        return gaussian(x_t, sigma)

    def not_finite(x_t: numpy.ndarray, sigma: float) -> numpy.ndarray:
        result = gaussian(x_t, sigma)
        result[1, 2, 3] = numpy.nan
        return result

    cases = [
        (raises, Failure, "of the third call"),
        (
            lambda x_t, sigma: gaussian(x_t, sigma)[:, 1:],
            ValueError,
            r"\(3, 47, 48\), not \(3, 48, 48\)",
        ),
        (lambda x_t, sigma: x_t.transpose(1, 2, 0), ValueError, r"\(48, 48, 3\)"),
        (not_finite, ValueError, "not finite"),
        (lambda x_t, sigma: None, (TypeError, ValueError), r"\(\)|NoneType"),
        (lambda x_t, sigma: "picture", ValueError, "picture"),
        (lambda x_t: x_t, TypeError, "positional argument"),
    ]
    for function, error, words in cases:
        broken = dcodec.Prior.from_callable(function, "gaussian of 40 levels", highest_sigma=1e5)
        calls = 0
        with pytest.raises(error, match=words):
            dcodec.encode(small, prior=broken, effort=1)
        calls = 0
        with pytest.raises(error, match=words):
            dcodec.decode(data, prior=broken)
        calls = 0
        with pytest.raises(error, match=words):
            list(dcodec.Stream(data, prior=broken))
        assert dcodec.encode(small, prior=prior, effort=1) == data
    assert dcodec.decode(data, prior=prior).shape == small.shape


def test_a_denoiser_may_use_dcodec_and_other_types(small: numpy.ndarray) -> None:
    inner = dcodec.Prior.s()

    def half(x_t: numpy.ndarray, sigma: float) -> numpy.ndarray:
        assert x_t.dtype == numpy.float32 and isinstance(sigma, float)
        return inner.x0_hat(x_t, sigma).astype(numpy.float64)[:, ::-1][:, ::-1]

    prior = dcodec.Prior.from_callable(half, "s in another coat", multiple=8)
    data = dcodec.encode(small, quality=60, prior=prior, effort=2)
    wanted = dcodec.encode(small, quality=60, effort=2, corrections=False)
    assert abs(len(data) - len(wanted)) < 0.03 * len(wanted)
    decoded = dcodec.decode(data, prior=prior)
    assert dcodec.metrics.psnr(small, decoded) > 28


@pytest.mark.parametrize(("tile", "multiple"), [(256, 16), (32, 32)])
def test_large_pictures_come_in_tiles(tile: int, multiple: int) -> None:
    shapes = set()

    def denoise(x_t: numpy.ndarray, sigma: float) -> numpy.ndarray:
        shapes.add(x_t.shape)
        return gaussian(x_t, sigma)

    prior = dcodec.Prior.from_callable(denoise, "tiles", tile=tile, multiple=multiple)
    ramp = numpy.add.outer(numpy.arange(300), numpy.arange(400)).astype(numpy.uint8)
    data = dcodec.encode(ramp, quality=20, prior=prior, effort=1)
    assert dcodec.decode(data, prior=prior).shape == ramp.shape
    assert shapes
    for planes, height, width in shapes:
        assert planes == 3 and max(height, width) <= tile
        assert height % multiple == width % multiple == 0


@pytest.mark.parametrize(
    ("arguments", "keywords", "error"),
    [
        ((7, "id"), {}, TypeError),
        ((gaussian, 7), {}, TypeError),
        ((gaussian, b"five!"), {}, ValueError),
        ((gaussian, "id"), {"multiple": 0}, ValueError),
        ((gaussian, "id"), {"highest_sigma": float("nan")}, ValueError),
        ((gaussian, "id"), {"tile": 8}, ValueError),
        ((gaussian, "id"), {"tile": 40, "multiple": 16}, ValueError),
    ],
)
def test_priors_that_cannot_be(arguments: tuple, keywords: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        dcodec.Prior.from_callable(*arguments, **keywords)


def test_priors_inside_and_of_files(small: numpy.ndarray, tmp_path) -> None:
    ids = {dcodec.Prior.s().id, dcodec.Prior.xs().id, dcodec.Prior.l().id}
    assert len(ids) == 3
    path = ROOT / "models" / "xs.safetensors"
    for prior in (dcodec.Prior.from_file(path), dcodec.Prior.from_bytes(path.read_bytes())):
        assert prior.id == dcodec.Prior.xs().id and prior.is_reference
        assert dcodec.encode(small, effort=1, prior=prior) == dcodec.encode(small, effort=1)
    larger = dcodec.encode(small, prior=dcodec.Prior.l())
    assert dcodec.info(larger)["prior_name"] == "l"
    assert dcodec.decode(larger).shape == small.shape
    with pytest.raises(FileNotFoundError):
        dcodec.Prior.from_file(tmp_path / "none.safetensors")
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(dcodec.BackendError):
        dcodec.Prior.from_file(tmp_path / "text")
    with pytest.raises(TypeError, match="Prior"):
        dcodec.encode(small, prior=7)


def test_x0_hat(small: numpy.ndarray) -> None:
    x_0 = small.transpose(2, 0, 1).astype(numpy.float32) - 127.5
    x_t = x_0 + 20 * numpy.random.default_rng(5).normal(size=x_0.shape)
    x0_hat = dcodec.Prior.s().x0_hat(x_t, 20)
    assert x0_hat.shape == x_0.shape and x0_hat.dtype == numpy.float32
    assert ((x0_hat - x_0) ** 2).mean() < 0.4 * ((x_t - x_0) ** 2).mean()
    for shape in [(32, 48, 3), (3, 8, 48), (3, 32)]:
        with pytest.raises(ValueError, match=r"\(3, H, W\)"):
            dcodec.Prior.s().x0_hat(numpy.zeros(shape), 20)


def test_priors_are_pickled(prior: dcodec.Prior) -> None:
    file = dcodec.Prior.from_file(ROOT / "models" / "xs.safetensors")
    for own in (dcodec.Prior.l(), file, prior):
        copy = pickle.loads(pickle.dumps(own))
        assert copy.id == own.id and own.id in repr(copy)
