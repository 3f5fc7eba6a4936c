"""Residual blocks by minimal filtering on the CPU (winograd.cpp), for training in half the time: float32, one thread.

`accelerate(net)` switches the blocks of a network over; needs g++. `python3 winograd.py` holds it against PyTorch.
"""
import ctypes, os, subprocess, tempfile
import torch

# glibc's mallopt: no memory maps for large blocks, and freed memory is kept. Fresh pages cost as much as the arithmetic.
MALLOC = {-4: 0, -1: 2**31 - 1, -2: 2**28}


def library():
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in MALLOC.items():
            libc.mallopt(option, value)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "winograd.cpp")
    with tempfile.TemporaryDirectory() as folder:
        built = os.path.join(folder, "winograd.so")
        subprocess.run(["g++", "-O3", "-march=native", "-shared", "-fPIC", source, "-o", built], check=True)
        return ctypes.CDLL(built)


def call(function, *args):
    function(*(ctypes.c_long(a) if isinstance(a, int) else ctypes.c_void_p(None if a is None else a.data_ptr()) for a in args))


def pixels(x):
    return x.contiguous(memory_format=torch.channels_last)


def taps(w):
    """(co, ci, 3, 3) as [3][3][ci][co]."""
    return w.permute(2, 3, 1, 0).contiguous()


class Residual(torch.autograd.Function):
    """x + conv2(relu(conv1(x)) * gate), gate: (B, C)."""

    lib = None

    @staticmethod
    def forward(ctx, x, gate, w1, b1, w2, b2):
        x, gate = pixels(x), gate.contiguous()
        n, c, h, w = x.shape
        shape = n, h, w, c, c
        r, y = torch.empty_like(x), torch.empty_like(x)
        call(Residual.lib.conv_forward, x, None, taps(w1), b1, None, r, 1, *shape)
        call(Residual.lib.conv_forward, r, gate, taps(w2), b2, x, y, 0, *shape)
        ctx.save_for_backward(x, gate, w1, w2, r)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, gate, w1, w2, r = ctx.saved_tensors
        n, c, h, w = x.shape
        shape = n, h, w, c, c
        dy = pixels(dy)
        dx, d, dgate = dy.clone(), torch.zeros_like(x), torch.empty_like(gate)
        dw1, dw2, db1, db2 = torch.empty(3, 3, c, c), torch.empty(3, 3, c, c), torch.empty(c), torch.empty(c)
        call(Residual.lib.conv_backward, r, gate, dy, taps(w2.transpose(0, 1)), d, dw2, db2, *shape)
        call(Residual.lib.gate_backward, d, r, gate, dgate, n, h * w, c)
        call(Residual.lib.conv_backward, x, None, d, taps(w1.transpose(0, 1)), dx, dw1, db1, *shape)
        return dx, dgate, dw1.permute(3, 2, 0, 1), db1, dw2.permute(3, 2, 0, 1), db2


def accelerate(net):
    if any(c % 16 for c in net.config["channels"]):
        raise SystemExit("--winograd needs channels that are multiples of 16")
    Residual.lib = Residual.lib or library()

    def forward(self, x, e):
        return Residual.apply(x, self.scale(e), self.conv1.weight, self.conv1.bias, self.conv2.weight, self.conv2.bias)

    for stage in [*net.enc, *net.dec]:
        for block in stage:
            block.forward = forward.__get__(block)


def check():
    """Prints how far results are from PyTorch's, and both times of a step."""
    import copy, time
    from model import CONFIGS, UNet

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = UNet(**CONFIGS["s"]).to(memory_format=torch.channels_last)
    fast = copy.deepcopy(net)
    accelerate(fast)
    log_sigma = torch.tensor([1.0, 3.0, 5.0])
    for size in ((128, 128), (112, 80), (16, 32)):
        x = pixels(torch.randn(3, 3, *size))
        found = []
        for each in (net, fast):
            begin = time.time()
            y = each(x, log_sigma)
            each.zero_grad()
            y.square().sum().backward()
            found.append(([y.detach()] + [p.grad.clone() for p in each.parameters()], time.time() - begin))
        (a, slow), (b, quick) = found
        worst = max(((p - q).norm() / (p.norm() + 1e-12)).item() for p, q in zip(a, b))
        print(f"{size}: relative difference at most {worst:.1e}, {slow:.2f} s and {quick:.2f} s")
        assert worst < 1e-2  # rounding, and values at zero that fall to the other side of a ReLU


if __name__ == "__main__":
    check()
