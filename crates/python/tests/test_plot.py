"""plot_rd draws if matplotlib is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dcodec


def test_curves_of_all_forms() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    points = [(0.4, 33.0), (0.1, 28.0), (0.2, 30.5)]
    dicts = [{"bpp": r, "psnr": q} for r, q in points]
    lists = {"bpp": [r for r, _ in points], "psnr-rgb": [q for _, q in points]}
    bench = {"name": "bench", "results": lists}
    for results in ({"a": points}, {"a": dicts}, {"a": lists}, bench, [{"a": points}]):
        axes = dcodec.plot_rd(results)
        (line,) = axes.lines
        assert list(line.get_xdata()) == [0.1, 0.2, 0.4]
        assert list(line.get_ydata()) == [28.0, 30.5, 33.0]
        assert axes.get_xlabel() == "bits per pixel" and axes.get_ylabel() == "PSNR (dB)"
    both = dcodec.plot_rd([bench, {"a": points, "b": dicts}], ax=axes)
    assert both is axes and len(axes.lines) == 4
    with pytest.raises(ValueError, match="no ms_ssim"):
        dcodec.plot_rd(bench, metric="ms_ssim")
    with pytest.raises(ValueError, match="metric must be"):
        dcodec.plot_rd(bench, metric="vmaf")
    with pytest.raises(ValueError, match="empty"):
        dcodec.plot_rd({"a": []})


def test_without_matplotlib_it_says_what_is_missing() -> None:
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import dcodec\n"
        "try:\n    dcodec.plot_rd({'a': [(1, 2)]})\n"
        "except ImportError as e:\n    print(e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "pip install matplotlib" in done.stdout
