"""Trains the corrector of a prior, which moves x0_hat on between two calls of the network. CPU; resumes; stops by the clock.

  python3 corrector.py --data DIR [DIR ...] --config s --weights s.safetensors --minutes 60 --out run/corrector [--init LAST.pt]

x_t at sigma_t has had a call of the network, x_s at sigma_s < sigma_t has not. New in x_s is y = x_0 + noise of variance
sigma_t^2 / g, g = (sigma_t / sigma_s)^2 - 1, independent of x_t given x_0 (Bayes' rule for Gaussians). The corrector sees the
innovation y - x0_hat and x0_hat, and answers with its gain (model.py, `correct`).

The network stays as it is. The loss is the squared error over that of the x0_hat that was, so that steps of all lengths and
levels count alike. Writes OUT/last.pt and OUT/corrected.safetensors: the tensors of --weights, and those of the corrector.
"""
import argparse, copy, glob, json, math, os, time
from concurrent.futures import ThreadPoolExecutor
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from model import CONFIGS, CORRECTORS, UNet, correct, denoise, denoiser_of
from train import SCALES, Muon, banks, batch, load, tiles

# Levels of sigma_s and steps ln(sigma_t / sigma_s) of the validation.
LEVELS, STEPS = (6, 12, 30, 75, 150), (0.12, 0.3, 0.5)


def joint(x, sigma_s, d, gen=None):
    """x_t and x_s of a chain through x_0 = x; sigma_t = sigma_s exp(d)."""
    noise = lambda: torch.randn(x.shape, generator=gen)
    s = sigma_s[:, None, None, None]
    t = s * torch.exp(d)[:, None, None, None]
    x_s = x + s * noise()
    return x_s + (t * t - s * s).sqrt() * noise(), x_s


@torch.no_grad()
def validate(net, corrector, x):
    """{level: [[kept, corrected] for each step]}: squared errors over that of a call of the network at the level."""
    out = {}
    for level in LEVELS:
        for d in STEPS:
            gen = torch.Generator().manual_seed(1)
            s, d = torch.full((len(x),), level / 255), torch.full((len(x),), d)
            x_t, x_s = joint(x, s, d, gen)
            before = denoise(net, x_t, s * torch.exp(d))
            after = correct(corrector, before, x_t, x_s, s * torch.exp(d), s)
            kept, corrected, called = (((a - x) ** 2).mean((1, 2, 3)) for a in (before, after, denoise(net, x_s, s)))
            out.setdefault(level, []).append([round((e / called).mean().item(), 3) for e in (kept, corrected)])
    return out


def export(corrector, weights, path):
    """The weights file with the corrector in it, f16, its configuration in the metadata."""
    with safe_open(weights, "pt") as f:
        meta = dict(f.metadata())
        tensors = {k: f.get_tensor(k) for k in f.keys() if not k.startswith("corrector.")}
    tensors |= {f"corrector.{k}": v.detach().half().contiguous() for k, v in corrector.state_dict().items()}
    meta["corrector"] = json.dumps(corrector.config)
    save_file(tensors, path, metadata=meta)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", nargs="+", required=True)
    a.add_argument("--config", default="s", choices=sorted(CORRECTORS))
    a.add_argument("--weights", required=True)
    a.add_argument("--minutes", type=float, required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--init", help="last.pt of an earlier run")
    a.add_argument("--lr", type=float, default=2e-3)
    a.add_argument("--patch", type=int, default=128)
    a.add_argument("--batch", type=int, default=12)
    a.add_argument("--sigma", type=float, nargs=2, default=(2.0, 230.0), help="range of sigma_s in 8-bit levels")
    a.add_argument("--highest", type=float, default=280.0, help="highest sigma_t in 8-bit levels, above the range of sigma_s")
    a.add_argument("--step", type=float, nargs=2, default=(0.04, 0.7), help="range of ln(sigma_t / sigma_s)")
    a.add_argument("--ema", type=float, default=0.999)
    a.add_argument("--every", type=float, default=5, help="minutes from one validation and checkpoint to the next")
    a.add_argument("--threads", type=int, default=1)
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    import winograd

    net = UNet(**CONFIGS[a.config])
    net.load_state_dict(denoiser_of(load_file(a.weights)))
    net.requires_grad_(False)
    corrector = UNet(**CORRECTORS[a.config], inputs=2)
    nets = net, corrector = net.to(memory_format=torch.channels_last), corrector.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(corrector)
    for each in (*nets, ema):
        winograd.accelerate(each)
    inner = [p for n, p in corrector.named_parameters() if p.dim() == 4 and not n.startswith(("input", "output"))]
    rest = [p for p in corrector.parameters() if not any(p is q for q in inner)]
    opts = [torch.optim.Adam(rest, lr=a.lr, betas=(0.9, 0.99)), Muon(inner, lr=a.lr)]
    step = 0
    if a.init:
        state = torch.load(a.init)
        corrector.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        step = state["step"]
    files = sorted(sum([glob.glob(os.path.join(d, "**", e), recursive=True) for d in a.data for e in ("*.png", "*.webp", "*.jpg")], []))
    files = files[::2] + files[1::2]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = list(pool.map(load, files))
    hold = max(1, len(images) * 3 // 100)
    train, val = banks(images[:-hold], 256, a.patch, torch.device("cpu")), tiles(images[-hold:], 256, 256)
    del images
    val = val[:: max(1, len(val) // 8)][:8, :, :192, :192].float() / 255 - 0.5
    gen = torch.Generator().manual_seed(int(time.time()))
    os.makedirs(a.out, exist_ok=True)
    start, mark, first, losses = time.time(), time.time(), step, []

    def save():
        row = [step, round((time.time() - start) / 60, 1), round(sum(losses[-200:]) / len(losses[-200:]), 4), validate(net, ema, val)]
        print(json.dumps(row), flush=True)
        torch.save({"net": corrector.state_dict(), "ema": ema.state_dict(), "step": step}, os.path.join(a.out, "last.pt"))
        export(ema, a.weights, os.path.join(a.out, "corrected.safetensors"))

    spread = lambda ends, u: ends[0] * (ends[1] / ends[0]) ** u
    while (done := (time.time() - start) / 60 / a.minutes) < 1:
        lr = a.lr * min(1.0, (step - first + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
        for opt in opts:
            for g in opt.param_groups:
                g["lr"] = lr
        x = batch(train[SCALES[step % len(SCALES)]], a.batch, a.patch, upright=False, gen=gen, device=torch.device("cpu"))
        x = x.contiguous(memory_format=torch.channels_last)
        s = spread(a.sigma, (torch.randperm(a.batch, generator=gen) + torch.rand((), generator=gen)) / a.batch) / 255
        d = spread(a.step, (torch.randperm(a.batch, generator=gen) + torch.rand((), generator=gen)) / a.batch)
        d = torch.minimum(d, torch.log(a.highest / 255 / s))
        x_t, x_s = joint(x, s, d, gen)
        with torch.no_grad():
            before = denoise(net, x_t, s * torch.exp(d))
        after = correct(corrector, before, x_t, x_s, s * torch.exp(d), s)
        error = lambda y: ((y - x) ** 2).mean((1, 2, 3))
        loss = (error(after) / error(before).clamp_min(1e-7)).mean()
        corrector.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(corrector.parameters(), 1.0)
        for opt in opts:
            opt.step()
        step += 1
        fade = 1 - min(a.ema, (1 + step - first) / (10 + step - first))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(corrector.parameters()), fade)
        losses.append(loss.item())
        if time.time() - mark > a.every * 60 or step == first + 20:
            mark = time.time()
            save()
    save()


if __name__ == "__main__":
    main()
