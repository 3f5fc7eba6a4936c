"""What the residual blocks of a prior do: how many of their units never fire, and the PSNR of x0_hat that is lost without each.

  python3 blocks.py weights.safetensors kodak/kodim{01,04,07,10,13,16,19,22}.png [--levels 2,5,12,25,50,100,220]

The pictures, of 256 x 256 at least, are cut to their middle of that size; the PSNR is that of all together, through the same noise
each time. enc.2.0 is the first block at 1/8 of the size.
"""
import argparse
import numpy as np
import torch
import torch.nn.functional as F
from evaluate import load, picture, psnr
from model import Block


def middle(x, n=256):
    top, left = ((size - n) // 2 for size in x.shape[2:])
    return x[:, :, top : top + n, left : left + n]


@torch.no_grad()
def main():
    a = argparse.ArgumentParser()
    a.add_argument("weights")
    a.add_argument("pictures", nargs="+")
    a.add_argument("--levels", default="2,5,12,25,50,100,220")
    a = a.parse_args()
    net, highest_level = load(a.weights)
    x_0 = torch.cat([middle(picture(p)) for p in a.pictures])
    seeds = lambda level: torch.Generator().manual_seed(int(level))
    measure = lambda: np.array([psnr(net, highest_level, x_0, v, 1, seeds(v)) for v in map(float, a.levels.split(","))])
    blocks = {name: m for name, m in net.named_modules() if isinstance(m, Block)}
    highest = {}

    def look(block, inputs, _):
        top = F.conv2d(inputs[0], block.conv1.weight, block.conv1.bias, padding=1).amax((0, 2, 3))
        highest[block] = torch.maximum(highest.get(block, top), top)

    hooks = [b.register_forward_hook(look) for b in blocks.values()]
    whole = measure()
    for hook in hooks:
        hook.remove()
    dead = {name: int((highest[b] <= 0).sum()) for name, b in blocks.items()}
    units = {name: len(highest[b]) for name, b in blocks.items()}
    print("whole".ljust(21), " ".join(f"{v:6.2f}" for v in whole), flush=True)
    for name, block in blocks.items():
        last = [p.data for p in block.conv2.parameters()]
        kept = [p.clone() for p in last]
        for p in last:
            p.zero_()
        lost = whole - measure()
        for p, k in zip(last, kept):
            p.copy_(k)
        print(f"{name}: {dead[name]:3} of {units[name]:3} dead", " ".join(f"{v:6.2f}" for v in lost), flush=True)
    print(f"{sum(dead.values())} of {sum(units.values())} units never fire")


if __name__ == "__main__":
    main()
