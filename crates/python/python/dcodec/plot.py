"""Rate-distortion curves by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Names of the axes, and the keys under which results have the values.
_METRICS = {
    "psnr": ("PSNR (dB)", ("psnr", "psnr-rgb")),
    "ms_ssim": ("MS-SSIM", ("ms_ssim", "ms-ssim", "ms-ssim-rgb")),
    "ssimulacra2": ("SSIMULACRA2", ("ssimulacra2",)),
}


def plot_rd(results: Any, metric: str = "psnr", ax: Any = None) -> Any:
    """Draw rate-distortion curves, and return matplotlib's Axes.

    results
        A dict from the name of a codec to its curve: pairs (bits per pixel, quality); or dicts with
        `bpp` and the metric; or a dict of two lists, as in the results of CompressAI's bench. Or
        such a file of CompressAI's or of `dcodec rd -o NAME.json`, read by json.load: a dict with
        `name` and `results`. Or a list of these.
    metric
        "psnr" in dB, "ms_ssim" or "ssimulacra2". CompressAI's names are known too.
    ax
        The Axes to draw in; new ones without.

    Raises ImportError if matplotlib is not there, and ValueError for results without the metric.
    """
    if metric not in _METRICS:
        raise ValueError(f"metric must be one of {', '.join(_METRICS)}, not {metric!r}")
    curves = [(name, _points(name, curve, metric)) for name, curve in _named(results)]
    try:
        from matplotlib import pyplot
    except ImportError as e:
        raise ImportError("plot_rd draws by matplotlib: pip install matplotlib") from e
    if ax is None:
        _, ax = pyplot.subplots()
    for name, points in curves:
        rates, qualities = zip(*points, strict=True)
        ax.plot(rates, qualities, marker="o", markersize=3, label=name)
    ax.set_xlabel("bits per pixel")
    ax.set_ylabel(_METRICS[metric][0])
    ax.grid(visible=True, alpha=0.3)
    ax.legend()
    return ax


def _named(results: Any) -> list[tuple[str, Any]]:
    """Names and curves of all forms of results."""
    if isinstance(results, Mapping) and "results" in results:
        return [(str(results.get("name", "results")), results["results"])]
    if isinstance(results, Mapping):
        return [(str(name), curve) for name, curve in results.items()]
    return [pair for one in results for pair in _named(one)]


def _points(name: str, curve: Any, metric: str) -> list[tuple[float, float]]:
    """The points of a curve by rising rate."""
    keys = _METRICS[metric][1]
    if isinstance(curve, Mapping):
        qualities = next((curve[key] for key in keys if key in curve), None)
        if "bpp" not in curve or qualities is None:
            raise ValueError(f"the results of {name} have no {metric} over bpp")
        points = list(zip(curve["bpp"], qualities, strict=True))
    else:
        points = [_point(name, point, metric, keys) for point in curve]
    if not points:
        raise ValueError(f"the results of {name} are empty")
    return sorted((float(rate), float(quality)) for rate, quality in points)


def _point(name: str, point: Any, metric: str, keys: tuple[str, ...]) -> tuple[float, float]:
    if not isinstance(point, Mapping):
        rate, quality = point
        return rate, quality
    quality = next((point[key] for key in keys if key in point), None)
    if "bpp" not in point or quality is None:
        raise ValueError(f"the results of {name} have no {metric} over bpp")
    return point["bpp"], quality
