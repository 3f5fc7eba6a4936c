"""What the residual blocks of a prior do: how many of their units never fire, and the PSNR of x0_hat that is lost without each.

  python3 blocks.py weights.safetensors kodak/kodim{01,04,07,10,13,16,19,22}.png [--levels 2,5,12,25,50,100,220]

The pictures are cut to their middle 256 x 256. Blocks are numbered by scale, then in order: enc 2 0 is the first at 1/8 of the size.
"""
import argparse
import numpy as np
import torch
import torch.nn.functional as F
from evaluate import load, picture
from model import denoise


def middle(x, n=256):
    h, w = x.shape[2:]
    top, left = max(0, h - n) // 2, max(0, w - n) // 2
    return x[:, :, top : top + n, left : left + n]


@torch.no_grad()
def psnr(net, pictures, levels):
    """Mean over the pictures, a value a level; the noise is the same each time."""
    out = []
    for level in levels:
        gen = torch.Generator().manual_seed(int(level))
        noise = torch.randn(pictures.shape, generator=gen)
        x0_hat = denoise(net, pictures + level / 255 * noise, torch.full((len(pictures),), level / 255))
        out.append(-10 * (x0_hat - pictures).square().mean((1, 2, 3)).log10().mean().item())
    return np.array(out)


@torch.no_grad()
def main():
    a = argparse.ArgumentParser()
    a.add_argument("weights")
    a.add_argument("pictures", nargs="+")
    a.add_argument("--levels", default="2,5,12,25,50,100,220")
    a = a.parse_args()
    net, _ = load(a.weights)
    pictures, levels = torch.cat([middle(picture(p)) for p in a.pictures]), [float(v) for v in a.levels.split(",")]
    blocks = {f"{side} {i} {j}": b for side in ("enc", "dec") for i, s in enumerate(getattr(net, side)) for j, b in enumerate(s)}
    highest = {}

    def look(name, block, x):
        top = F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1).amax((0, 2, 3))
        highest[name] = torch.maximum(highest.get(name, top), top)

    hooks = [b.register_forward_hook(lambda _, x, out, n=n, b=b: look(n, b, x[0])) for n, b in blocks.items()]
    whole = psnr(net, pictures, levels)
    for hook in hooks:
        hook.remove()
    print("whole".ljust(22), " ".join(f"{v:6.2f}" for v in whole), flush=True)
    for name, block in blocks.items():
        kept = [block.conv2.weight.clone(), block.conv2.bias.clone()]
        block.conv2.weight.zero_(), block.conv2.bias.zero_()
        lost = whole - psnr(net, pictures, levels)
        block.conv2.weight.copy_(kept[0]), block.conv2.bias.copy_(kept[1])
        dead = int((highest[name] <= 0).sum())
        print(f"{name}: {dead:3} of {len(highest[name]):3} dead", " ".join(f"{v:6.2f}" for v in lost), flush=True)
    print(f"{sum(int((t <= 0).sum()) for t in highest.values())} of {sum(map(len, highest.values()))} units never fire")


if __name__ == "__main__":
    main()
