#!/usr/bin/env python3
"""Time against size: the efforts of dcodec beside JPEG XL, AVIF and WebP.

    python3 benches/pareto.py -o pareto.csv kodak/kodim{01,07,13,19}.png

Every picture is coded by every codec at a ladder of rates, with the installed tools. From these come
Bjontegaard's differences of rate (VCEG-M33, piecewise cubic) to the default effort, per picture and
then averaged: by PSNR, for which the codecs are tuned, and by SSIMULACRA2 with what is made for the
eye. Times are CPU seconds (user + system) of the whole command and its wall seconds, medians of
--runs runs of the last picture near 0.3 bits per pixel, of all codecs in turn. --skip-curves takes
times only.

Needs the package dcodec (docs/python.md), numpy and pillow; the tools cjxl, avifenc and cwebp with
their decoders; and target/release/dcodec, or --dcodec PATH.
"""

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from dcodec import metrics

# Bits per pixel that the curves go through, and the one that is timed.
RATES = (0.1, 0.2, 0.3, 0.5)
TIMED = 0.3
BASE = "dcodec -e 3"


class Codec:
    """A codec: its commands as functions of the setting and of two paths, and its settings, one for
    each point of the curve. Commands that aim at a rate take the rate itself."""

    def __init__(self, name, extension, encode, decode, psnr, eye, settings=RATES):
        self.name, self.extension, self.settings = name, extension, settings
        self.encode, self.decode = encode, decode
        self.tunes = {"psnr": psnr, "eye": eye}


def codecs(dcodec):
    def ours(name, *options):
        return Codec(
            name,
            ".dfc",
            lambda rate, a, b: [dcodec, "encode", a, "-o", b, "-f", "--bpp", str(rate), *options],
            lambda a, b: [dcodec, "decode", a, "-o", b, "-f"],
            ["--tune", "psnr"],
            ["--tune", "eye"],
        )

    def avif(speed):
        # Aom before 3.12 has no tune for the eye but ssim.
        return Codec(
            f"avifenc -s {speed}",
            ".avif",
            lambda q, a, b: ["avifenc", "-s", str(speed), "-y", "444", "--min", str(q), "--max",
                             str(q), "-a", "end-usage=q", "-a", f"cq-level={q}", a, b],
            lambda a, b: ["avifdec", a, b],
            ["-a", "tune=psnr"],
            ["-a", "tune=ssim"],
            (58, 50, 44, 38, 32, 26),
        )

    return [
        *(ours(f"dcodec -e {effort}", "-e", str(effort)) for effort in (1, 2, 3, 4, 5)),
        ours("dcodec --prior l", "--prior", "l"),
        avif(4),
        avif(6),
        Codec(
            "cjxl -e 7",
            ".jxl",
            lambda d, a, b: ["cjxl", a, b, "-e", "7", "-d", str(d)],
            lambda a, b: ["djxl", a, b],
            [],
            [],
            (12.0, 8.0, 5.5, 4.0, 3.0, 2.0),
        ),
        Codec(
            "cwebp -m 6",
            ".webp",
            lambda q, a, b: ["cwebp", "-quiet", "-m", "6", "-q", str(q), a, "-o", b],
            lambda a, b: ["dwebp", "-quiet", a, "-o", b],
            [],
            [],
            (1, 10, 25, 45, 65, 80),
        ),
    ]


def run(command):
    """CPU and wall seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace').strip()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


def code(codec, tune, setting, picture, folder):
    """One file, coded and decoded: bytes, the decoded picture, and (CPU, wall) of both ends."""
    coded, shown = str(folder / f"c{codec.extension}"), str(folder / "c.png")
    command = codec.encode(setting, str(picture), coded)
    # Options stand before the files.
    end = command.index(str(picture))
    encoded = run(command[:end] + codec.tunes[tune] + command[end:])
    decoded = run(codec.decode(coded, shown))
    return os.path.getsize(coded), np.asarray(Image.open(shown).convert("RGB")), encoded, decoded


MEASURES = {"psnr": metrics.psnr, "eye": metrics.ssimulacra2}


def curves_of(codec, picture, folder, rows):
    """Points (bits per pixel, quality) of a picture by tune, measured by the tune's metric. A codec
    without tunes makes one file for both."""
    original = np.asarray(Image.open(picture).convert("RGB"))
    tunes = ["psnr"] if codec.tunes["psnr"] == codec.tunes["eye"] else list(codec.tunes)
    points = {tune: [] for tune in MEASURES}
    for setting in codec.settings:
        for made in tunes:
            size, shown, encoded, decoded = code(codec, made, setting, picture, folder)
            bpp = 8 * size / (original.shape[0] * original.shape[1])
            for tune in [made] if len(tunes) > 1 else MEASURES:
                quality = MEASURES[tune](original, shown)
                points[tune].append((bpp, quality))
                rows.append([codec.name, tune, picture.stem, setting, size, f"{bpp:.5f}",
                             f"{quality:.4f}", f"{encoded[0]:.3f}", f"{decoded[0]:.3f}"])
    return {tune: sorted(each) for tune, each in points.items()}


def differences(all_codecs, pictures, folder, rows):
    """Mean difference of rate to the default effort in per cent, by codec and tune."""
    curves = {}
    for picture in pictures:
        for codec in all_codecs:
            curves[codec.name, picture] = curves_of(codec, picture, folder, rows)
            print(f"{picture.stem}: {codec.name}", file=sys.stderr)
    means = {}
    for codec in all_codecs:
        for tune in MEASURES:
            each = [
                metrics.bd_rate(*zip(*curves[BASE, p][tune]), *zip(*curves[codec.name, p][tune]))
                for p in pictures
            ]
            means[codec.name, tune] = statistics.fmean(each)
    return means


def nearest(codec, picture, folder, pixels):
    """The setting whose file comes nearest to the timed rate."""
    if codec.extension == ".dfc":
        return TIMED
    size = {s: code(codec, "psnr", s, picture, folder)[0] for s in codec.settings}
    return min(size, key=lambda s: abs(np.log(8 * size[s] / pixels / TIMED)))


def times(all_codecs, picture, folder, runs):
    """Medians of (CPU, wall) of both ends, by codec. All codecs in turn, so that a slow minute of
    the machine is everyone's."""
    width, height = Image.open(picture).size
    settings = {c.name: nearest(c, picture, folder, width * height) for c in all_codecs}
    taken = {codec.name: [] for codec in all_codecs}
    for _ in range(runs):
        for codec in all_codecs:
            _, _, encoded, decoded = code(codec, "psnr", settings[codec.name], picture, folder)
            taken[codec.name].append((*encoded, *decoded))
    megapixels = width * height / 1e6
    return {
        name: [statistics.median(column) / megapixels for column in zip(*each)]
        for name, each in taken.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="every measured point, as CSV")
    parser.add_argument("--dcodec", default="target/release/dcodec")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--skip-curves", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"these codecs, and {BASE}")
    args = parser.parse_args()
    all_codecs = codecs(args.dcodec)
    if args.only:
        all_codecs = [c for c in all_codecs if c.name in (*args.only, BASE)]
    rows, means = [], {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        taken = times(all_codecs, args.pictures[-1], folder, args.runs)
        if not args.skip_curves:
            means = differences(all_codecs, args.pictures, folder, rows)
    if args.output:
        with open(args.output, "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["codec", "tune", "picture", "setting", "bytes", "bpp", "quality",
                            "encode_cpu_s", "decode_cpu_s"])
            table.writerows(rows)
    print("| codec | encode, CPU s | wall | decode, CPU s | wall | PSNR, % | SSIMULACRA2, % |")
    print("|---|---|---|---|---|---|---|")
    for codec in all_codecs:
        cells = [f"{seconds:.2f}" for seconds in taken[codec.name]]
        for tune in MEASURES:
            mean = means.get((codec.name, tune))
            cells.append("" if mean is None else f"{mean:+.1f}")
        print(f"| {codec.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
