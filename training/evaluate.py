"""Prints the PSNR of x0_hat at the levels of the tables, mean of some pictures, as the codec denoises them.

  python3 evaluate.py weights.safetensors kodak/kodim{01,07,13,19}.png [--levels 2,5,12,25,50,100,220,480] [--orientations 8]

The noise depends on the picture's place in the list and on the level alone, so that rows of one list compare. Above the network's
highest level the picture is averaged over 2 x 2 first, and x0_hat interpolated.
"""
import argparse, json, math
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from model import UNet, denoise, denoiser_of


def load(path):
    with safe_open(path, "pt") as f:
        meta = f.metadata()
    net = UNet(**json.loads(meta["config"]))
    net.load_state_dict(denoiser_of(load_file(path)))
    return net.to(memory_format=torch.channels_last), float(meta.get("sigma_max", 256))


def picture(path, multiple=32):
    a = np.asarray(Image.open(path).convert("RGB"))
    h, w = (n // multiple * multiple for n in a.shape[:2])
    return torch.from_numpy(a[:h, :w].copy()).permute(2, 0, 1)[None].float() / 255 - 0.5


def average(net, x_t, sigma, n):
    """x0_hat, averaged over the first n of the eight orientations."""
    total = 0
    for i in range(n):
        turn = lambda x: x.transpose(2, 3) if i & 4 else x
        flip = lambda x: x.flip([d for d, bit in ((3, 1), (2, 2)) if i & bit]) if i & 3 else x
        total = total + flip(turn(denoise(net, turn(flip(x_t)), sigma)))
    return total / n


@torch.no_grad()
def psnr(net, highest, x_0, level, n, gen):
    x_t = x_0 + level / 255 * torch.randn(x_0.shape, generator=gen)
    f = 1
    while level > highest * f:
        f *= 2
    small = average(net, F.avg_pool2d(x_t, f) if f > 1 else x_t, torch.tensor([level / 255 / f]), n)
    # With antialias the kernel is that of Keys with a = -1/2.
    x0_hat = F.interpolate(small, scale_factor=f, mode="bicubic", antialias=True) if f > 1 else small
    return -10 * math.log10((x0_hat.clamp(-0.5, 0.5) - x_0).square().mean().item())


def main():
    a = argparse.ArgumentParser()
    a.add_argument("weights")
    a.add_argument("pictures", nargs="+")
    a.add_argument("--levels", default="2,5,12,25,50,100,220,480")
    a.add_argument("--orientations", type=int, default=1)
    a = a.parse_args()
    net, highest = load(a.weights)
    rows = []
    for i, path in enumerate(a.pictures):
        x_0 = picture(path)
        seeds = lambda level: torch.Generator().manual_seed(1000 * i + int(level))
        rows.append([psnr(net, highest, x_0, v, a.orientations, seeds(v)) for v in map(float, a.levels.split(","))])
    print(" | ".join(f"{v:.2f}" for v in np.mean(rows, 0)), flush=True)


if __name__ == "__main__":
    main()
