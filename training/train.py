"""Trains the denoiser of the dcodec prior. CPU or one CUDA GPU; resumes; stops by the clock.

  python3 train.py --data DIR [DIR ...] --config s --minutes 60 --out run/s [--init run/s/last.pt | weights.safetensors] [--lr 1e-3]

On a CPU, `torchrun --nproc-per-node 2 train.py ...` with a batch for each process is faster than two threads.

The loss is the code length: E |x_0 - x0_hat|^2 / sigma^2 with log sigma uniform (nats per unit of log sigma, up to a factor),
lifted at high sigma so that the first steps are learned too. Writes OUT/last.pt (to resume), OUT/ema.safetensors (f16 weights,
configuration in the metadata) and OUT/log.csv. Validation pictures are the last 3 % of the list.
A .npy file in DIR is an array of pictures (N, H, W, 3), uint8.
"""
import argparse, copy, csv, glob, json, math, os, time
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from PIL import Image
from model import CONFIGS, SIGMA_DATA, Block, UNet, denoise, denoiser_of, fit

GRID = [2, 5, 12, 25, 50, 100, 220, 480]
# Half the batches are of reduced pictures: more to learn from, and finer detail.
SCALES = (1, 1.5, 1, 2)


def load(path):
    return np.asarray(Image.open(path).convert("RGB"))


def reduced(image, scale):
    """A picture (H, W, 3) at 1 / scale of its size: averages of 2 x 2 for 2, else bicubic."""
    if scale == 1:
        return image
    picture = Image.fromarray(image)
    if scale == 2:
        return np.asarray(picture.reduce(2))
    return np.asarray(picture.resize([round(n / scale) for n in picture.size], Image.Resampling.BICUBIC))


def tiles(images, size, step):
    """(N, 3, size, size), uint8: windows of the images every `step`, the last ones at their ends."""
    out = []
    for a in images:
        h, w = a.shape[:2]
        if min(h, w) < size:
            continue
        ys, xs = (sorted({*range(0, n - size + 1, step), n - size}) for n in (h, w))
        out += [a[y : y + size, x : x + size] for y in ys for x in xs]
    return torch.from_numpy(np.stack(out) if out else np.zeros((0, size, size, 3), np.uint8)).permute(0, 3, 1, 2).contiguous()


def banks(images, tile, patch, device):
    """Tiles of the pictures at each of the scales, on the device."""
    out = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for scale in sorted(set(SCALES)):
            small = pool.map(lambda a: reduced(a, scale), images)
            out[scale] = (tiles(small, tile, tile) if scale == 1 else tiles(small, patch, patch // 2)).to(device)
    return out


def batch(bank, n, p, upright, gen, device):
    """n random crops of p x p, flipped and transposed at random (`upright`: mirrored only)."""
    size = bank.shape[-1]
    idx = torch.randint(len(bank), (n,), generator=gen, device=device)
    y = torch.randint(size - p + 1, (n,), generator=gen, device=device)
    x = torch.randint(size - p + 1, (n,), generator=gen, device=device)
    r = torch.arange(p, device=device)
    flip = torch.randint(2, (3, n), generator=gen, device=device).bool()
    if upright:
        flip[[0, 2]] = False
    ry = torch.where(flip[0][:, None], p - 1 - r, r) + y[:, None]
    rx = torch.where(flip[1][:, None], p - 1 - r, r) + x[:, None]
    c = bank[idx[:, None, None], :, ry[:, :, None], rx[:, None, :]].permute(0, 3, 1, 2).float() / 255 - 0.5
    return torch.where(flip[2][:, None, None, None], c.transpose(2, 3), c)


@torch.no_grad()
def validate(net, bank, device, autocast):
    gen = torch.Generator(device=device).manual_seed(1)
    x = (bank[:: max(1, len(bank) // 32)][:32].to(device).float() / 255 - 0.5)[:, :, :192, :192]
    psnr = []
    for s in GRID:
        mse = 0.0
        for xb in x.split(8):
            sig = torch.full((len(xb),), s / 255, device=device)
            y = xb + sig[:, None, None, None] * torch.randn(xb.shape, generator=gen, device=device)
            with autocast():
                d = denoise(net, y, sig)
            mse += ((d.float() - xb) ** 2).mean((1, 2, 3)).sum().item()
        psnr.append(-10 * math.log10(mse / len(x)))
    return psnr


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by a Newton-Schulz iteration for matrices and convolutions (Jordan et al. 2024), with the
    update's root mean square brought to that of Adam (Liu et al. 2025). Processes share the iterations out among themselves."""

    def __init__(self, params, lr, momentum=0.95, dtype=torch.float32):
        super().__init__(params, dict(lr=lr, momentum=momentum))
        self.dtype = dtype

    @torch.no_grad()
    def step(self):
        many = dist.is_initialized()
        rank, world = (dist.get_rank(), dist.get_world_size()) if many else (0, 1)
        for group in self.param_groups:
            # The largest first, dealt out in turn.
            params = sorted((p for p in group["params"] if p.grad is not None), key=lambda p: -p.numel())
            if params and params[0].is_cuda:
                self.together(params, group)
                continue
            updates = [self.direction([p], group["momentum"])[0] if i % world == rank else torch.zeros_like(p) for i, p in enumerate(params)]
            if many:
                share(updates)
            for p, update in zip(params, updates):
                p.add_(update, alpha=-group["lr"] * world)

    def together(self, params, group):
        """On a GPU, where small products are slow one by one: those of one shape go in one. The rate is a tensor there."""
        shapes = {}
        for p in params:
            shapes.setdefault(p.shape, []).append(p)
        for same in shapes.values():
            updates = self.direction(same, group["momentum"])
            torch._foreach_mul_(updates, group["lr"])
            torch._foreach_sub_(same, updates)

    def direction(self, params, momentum):
        """The updates of parameters of one shape."""
        ms = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in params]
        gs = [p.grad for p in params]
        torch._foreach_lerp_(ms, gs, 1 - momentum)
        g = torch.stack(torch._foreach_lerp(gs, ms, momentum)).flatten(2)
        tall = g.shape[1] > g.shape[2]
        # bfloat16 serves where it is fast: five steps bring singular values near 1, not to it.
        x = ((g.mT if tall else g) / (g.norm(dim=(1, 2), keepdim=True) + 1e-12)).to(self.dtype)
        bend = lambda a: torch.baddbmm(a, a, a, beta=-4.775, alpha=2.0315)
        if self.dtype is torch.float32:
            # The steps are polynomials in x x^T, which is small: x itself is multiplied once. In bfloat16 this would diverge.
            gram, one = x @ x.mT, torch.eye(x.shape[1], device=x.device)
            turn = one
            for _ in range(5):
                f = 3.4445 * one + bend(gram)
                gram, turn = f @ gram @ f, f @ turn
            x = turn @ x
        else:
            for _ in range(5):
                x = torch.baddbmm(x, bend(x @ x.mT), x, beta=3.4445)
        x = (x.mT if tall else x).float() * (0.2 * max(g.shape[1:]) ** 0.5)
        return [u.view(p.shape) for u, p in zip(x.flatten(1), params)]


@torch.no_grad()
def recycle(net, ema, optimizers, forward, rare=1e-3):
    """New weights for the units of the blocks that fire at fewer than `rare` of the places of a batch, and for those of new blocks,
    which nothing reads yet (after Sokar et al. 2023, "The dormant neuron phenomenon"). A ReLU that never fires gets no gradient: it
    stays as it is for good. The new ones fire at a quarter of the places and are read with weight zero. Returns how many there were."""
    count = 0

    def renew(block, double, x):
        nonlocal count
        weight, bias, reader, x = block.conv1.weight, block.conv1.bias, block.conv2.weight, x.float()
        fires = (F.conv2d(x, weight, bias, padding=1) > 0).float().mean((0, 2, 3))
        dead = (fires < rare) | (reader.abs().amax((0, 2, 3)) == 0)
        if not dead.any():
            return
        count += int(dead.sum())
        new = torch.randn((int(dead.sum()), *weight.shape[1:]), device=x.device) / weight[0].numel() ** 0.5
        z = F.conv2d(x, new, padding=1).transpose(0, 1).flatten(1)
        offset = -z.sort(1).values[:, z.shape[1] * 3 // 4]
        for b in (block, double):
            b.conv1.weight[dead], b.conv1.bias[dead], b.conv2.weight[:, dead] = new, offset, 0
        for p, at in ((weight, dead), (bias, dead), (reader, (slice(None), dead))):
            for moment in [m for o in optimizers if p in o.state for m in o.state[p].values() if m.shape == p.shape]:
                moment[at] = 0

    pairs = [(b, d) for b, d in zip(net.modules(), ema.modules()) if isinstance(b, Block)]
    hooks = [b.register_forward_hook(lambda b, inputs, _, d=d: renew(b, d, inputs[0])) for b, d in pairs]
    forward()
    for hook in hooks:
        hook.remove()
    if dist.is_initialized():
        for p in [*net.parameters(), *ema.parameters()]:
            dist.broadcast(p.data, 0)
    return count


def export(net, path, sigma_max, note):
    from safetensors.torch import save_file

    meta = {"format": "dcodec-prior", "version": "1", "config": json.dumps(net.config), "sigma_data": repr(SIGMA_DATA), "sigma_max": repr(sigma_max), "note": note}
    save_file({k: v.detach().half().cpu().contiguous() for k, v in net.state_dict().items()}, path, metadata=meta)


def typical(sigma):
    """A rough idea of the squared error on photographs at sigma: some 2, 40 and 170 square levels at sigma 2, 25 and 100."""
    s = 255 * sigma
    return 0.9 * s**1.25 / (1 + (s / 150) ** 0.8) / 255**2


def share(tensors):
    """Replaces tensors by their means over the processes."""
    flat = torch.cat([t.flatten() for t in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for t, mean in zip(tensors, flat.split([t.numel() for t in tensors])):
        t.copy_(mean.view_as(t))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", nargs="+", required=True)
    a.add_argument("--config", default="s", choices=sorted(CONFIGS))
    a.add_argument("--minutes", type=float, required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--init")
    a.add_argument("--lr", type=float, default=1e-3)
    a.add_argument("--patch", type=int, default=0)
    a.add_argument("--batch", type=int, default=0)
    a.add_argument("--sigma", type=float, nargs=2, default=(1.0, 300.0), help="range of sigma in 8-bit levels")
    a.add_argument("--focus", type=float, nargs=2, help="half of the crops have sigma in this part of the range")
    a.add_argument("--tile", type=int, default=256, help="pictures are cut into tiles of this size; 32 for CIFAR-10")
    a.add_argument("--bf16", action="store_true", help="bfloat16 autocast on the CPU too (fast where AVX512-BF16 is)")
    a.add_argument("--sigma-max", type=float, default=256.0, help="above this level the codec reduces the picture before the network sees it")
    a.add_argument("--lift", type=float, default=0.5, help="power of 1 + (sigma / 60)^2 by which high levels weigh more")
    a.add_argument("--upright", action="store_true", help="mirror pictures left to right only, do not turn them")
    a.add_argument("--muon", action="store_true", help="orthogonalised momentum for the inner convolutions instead of Adam")
    a.add_argument("--relative", action="store_true", help="weigh by 1 / (error + typical error) instead of --lift: a decibel counts the same at all levels")
    a.add_argument("--recycle", action="store_true", help="new weights for units of the blocks that never fire: at the start and after each tenth of the time, until three fifths are over")
    a.add_argument("--winograd", action="store_true", help="residual blocks by minimal filtering, in half the time (CPU, float32, one thread a process; needs g++)")
    a.add_argument("--threads", type=int, default=0)
    a.add_argument("--ema", type=float, default=0.9995, help="decay a step of the average of the weights, which is what is written; less for a short run")
    a.add_argument("--every", type=float, default=5, help="minutes from one checkpoint and line of the log to the next")
    a.add_argument("--validate", type=float, default=15, help="minutes from one validation to the next, done at a checkpoint")
    a = a.parse_args()
    rank, world = 0, int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        dist.init_process_group("gloo")
        rank = dist.get_rank()
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    if a.winograd and (cuda or a.bf16):
        raise SystemExit("--winograd computes in float32 on the CPU: leave it or --bf16 out")
    patch, bs = a.patch or (128 if cuda else 80), a.batch or (64 if cuda else 16)
    if a.threads:
        torch.set_num_threads(a.threads)
    if cuda:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    autocast = lambda: torch.autocast(device.type, dtype=torch.bfloat16, enabled=cuda or a.bf16)
    os.makedirs(a.out, exist_ok=True)
    arrays = sum([glob.glob(os.path.join(d, "*.npy")) for d in a.data], [])
    files = sorted(sum([glob.glob(os.path.join(d, "**", e), recursive=True) for d in a.data for e in ("*.png", "*.webp", "*.jpg")], []))
    files = [f for i, f in enumerate(files) if i % 2 == 0] + [f for i, f in enumerate(files) if i % 2 == 1]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = list(pool.map(load, files)) + [p for f in sorted(arrays) for p in np.load(f)]
    hold = max(1, len(images) * 3 // 100)
    train, val = banks(images[:-hold], a.tile, patch, device), tiles(images[-hold:], a.tile, a.tile)
    del images
    if not len(val):
        raise SystemExit(f"the pictures held out are smaller than a tile ({a.tile}): more pictures, or a smaller --tile")
    scales = [s for s in SCALES if len(train[s])]
    if rank == 0:
        print(f"{len(files) + len(arrays)} files, {[len(b) for b in train.values()]} training tiles, {len(val)} validation tiles, device {device}", flush=True)
    seed = world * int(time.time()) + rank
    gen = torch.Generator(device=device).manual_seed(seed)

    net = UNet(**CONFIGS[a.config]).to(device)
    step = 0
    ema = copy.deepcopy(net)
    if a.init:
        if a.init.endswith(".safetensors"):
            from safetensors.torch import load_file

            fit(net, denoiser_of(load_file(a.init)))
            state = {"net": net.state_dict(), "ema": net.state_dict(), "step": 0}
        else:
            state = torch.load(a.init, map_location=device)
        net.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        step = state["step"]
    net, ema = net.to(memory_format=torch.channels_last), ema.to(memory_format=torch.channels_last)
    if a.winograd:
        import winograd

        for each in (net, ema):
            winograd.accelerate(each)
    inner = [p for n, p in net.named_parameters() if p.dim() == 4 and not n.startswith(("input", "output"))] if a.muon else []
    rest = [p for p in net.parameters() if not any(p is q for q in inner)]
    # What a recorded step reads anew each time has to be a tensor.
    rate = torch.tensor(a.lr, device=device) if cuda else a.lr
    opt = torch.optim.Adam(rest, lr=rate, betas=(0.9, 0.99), fused=cuda, capturable=cuda)
    muon = Muon(inner, lr=rate, dtype=torch.bfloat16 if cuda or a.bf16 else torch.float32) if inner else None
    # Moments of another set of parameters, as --muon leaves them to Adam, are of no use.
    if a.init and "opt" in state and not cuda and len(state["opt"]["param_groups"][0]["params"]) == len(rest):
        opt.load_state_dict(state["opt"])
    if cuda:
        from torch import _dynamo

        _dynamo.config.suppress_errors = True  # fall back to eager rather than lose the run

    def objective(x, y, sig):
        with autocast():
            d = denoise(net, y, sig)
        mse = (d - x).square().mean((1, 2, 3))
        if a.relative:
            weight = 1 / (mse.detach() + typical(sig))
        else:
            weight = (1 + (sig / SIGMA_DATA) ** 2) ** a.lift / sig**2
        return (mse * weight).mean()

    run = torch.compile(objective) if cuda else objective
    fade = torch.ones((), device=device)

    def learn(x, y, sig):
        """One step; returns the loss."""
        net.zero_grad(set_to_none=True)
        loss = run(x, y, sig)
        loss.backward()
        if world > 1:
            share([p.grad for p in net.parameters()])
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        if muon:
            muon.step()
        with torch.no_grad():
            change = torch._foreach_sub(list(net.parameters()), list(ema.parameters()))
            torch._foreach_mul_(change, fade)
            torch._foreach_add_(list(ema.parameters()), change)
        return loss.detach()

    def record(x, y, sig):
        """The same as a CUDA graph: launched one by one, the kernels of a step took four times as long on an H200."""
        held = [v.clone() for v in (x, y, sig)]
        rate.fill_(0)
        other = torch.cuda.Stream()
        other.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(other):
            for _ in range(4):
                learn(*held)
        torch.cuda.current_stream().wait_stream(other)
        for m in muon.state.values() if muon else []:
            m["momentum"].zero_()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = learn(*held)

        def replay(*now):
            for to, v in zip(held, now):
                to.copy_(v)
            graph.replay()
            return loss

        return replay

    def quantile(u):
        """sigma, log sigma uniform: over the range, or half over the range and half over its focus."""
        between = lambda u, ends: (ends[0] / 255) * (ends[1] / ends[0]) ** u
        return torch.where(u < 0.5, between(2 * u, a.focus), between(2 * u - 1, a.sigma)) if a.focus else between(u, a.sigma)

    def draw(n):
        """n crops x_0, what is seen of them, and sigma, which is spread evenly over its range."""
        x = batch(train[scales[step % len(scales)]], n, patch, upright=a.upright, gen=gen, device=device)
        x = x.contiguous(memory_format=torch.channels_last)
        sig = quantile((torch.arange(n, device=device) + torch.rand((), device=device, generator=gen)) / n)
        return x, x + sig[:, None, None, None] * torch.randn(x.shape, device=device, generator=gen), sig

    # Crops that are 4,096 places at 1/16 of the size: fewer do not tell what fires at a thousandth of them.
    enough = max(bs, -(-(1 << 20) // patch**2))
    log = open(os.path.join(a.out, "log.csv"), "a", newline="")
    rows = csv.writer(log)

    def save(note):
        torch.save({"net": net.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(), "step": step}, os.path.join(a.out, "last.pt"))
        export(ema, os.path.join(a.out, "ema.safetensors"), a.sigma_max, note)

    def clock():
        """The share of the time that has gone, the same in all processes."""
        done = torch.tensor((time.time() - start) / total)
        if world > 1:
            dist.broadcast(done, 0)
        return done.item()

    if world > 1:
        dist.barrier()
    start, total, first, mark, losses, checks, renewal = time.time(), a.minutes * 60, step, time.time(), [], 0, 0
    while (done := clock()) < 1:
        warm = min(1.0, (step - first + 1) / 300)
        lr = a.lr * warm * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
        decay = min(a.ema, (1 + step - first) / (10 + step - first))
        if a.recycle and done >= renewal:
            renewal = (math.floor(10 * done) + 1) / 10 if done < 0.6 else math.inf
            n = recycle(net, ema, [o for o in (opt, muon) if o], lambda: denoise(net, *draw(enough)[1:]))
            if rank == 0:
                print(f"{n} units renewed", flush=True)
        x, y, sig = draw(bs)
        if cuda and step == first:
            learn = record(x, y, sig)
            start = time.time()
        if cuda:
            rate.fill_(lr)
        else:
            for g in opt.param_groups + (muon.param_groups if muon else []):
                g["lr"] = lr
        fade.fill_(1 - decay)
        loss = learn(x, y, sig)
        step += 1
        if step % 50 == 0:
            losses.append(loss.item())
        if rank == 0 and (time.time() - mark > a.every * 60 or step == first + 20):
            mark = time.time()
            psnr = validate(ema, val, device, autocast) if mark - start > (checks + 1) * a.validate * 60 else []
            checks += len(psnr) > 0
            row = [step, round((time.time() - start) / 60, 2), round(float(np.mean(losses[-20:])) if losses else loss.item(), 5)] + [round(p, 3) for p in psnr]
            rows.writerow(row); log.flush(); print(row, flush=True)
            save(f"step {step}")
    if rank > 0:
        return
    psnr = validate(ema, val, device, autocast)
    rows.writerow([step, round(a.minutes, 2), "end"] + [round(p, 3) for p in psnr]); log.flush()
    save(f"step {step}")
    print("done", step, [round(p, 2) for p in psnr], flush=True)


if __name__ == "__main__":
    main()
