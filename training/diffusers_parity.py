"""Writes small UNet2DModels with random weights and their outputs, for the Rust implementation to agree with (max abs error <= 1e-4).

  python3 diffusers_parity.py ../tests/data/diffusers

Needs torch, safetensors and diffusers. One folder a model: `attention` (many heads), `former` (a pipeline's folders, the names of
attention before diffusers 0.15, the settings of the DDPM paper's checkpoints, cosine betas), `plain` (no attention, predicts v).
"""
import shutil, sys
from pathlib import Path
import torch
from diffusers import DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

FORMER = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
WEIGHTS = "diffusion_pytorch_model.safetensors"
MODELS = {
    "attention": (dict(block_out_channels=(16, 16), down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
                       layers_per_block=1, norm_num_groups=8, attn_norm_num_groups=4, attention_head_dim=8, mid_block_scale_factor=1.5, sample_size=16),
                  dict(beta_schedule="linear")),
    "former": (dict(block_out_channels=(8, 16, 16), down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
                    up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"), layers_per_block=1, norm_num_groups=4, attention_head_dim=None,
                    flip_sin_to_cos=False, freq_shift=1, downsample_padding=0, norm_eps=1e-6, sample_size=(16, 32)),
               dict(beta_schedule="squaredcos_cap_v2")),
    "plain": (dict(block_out_channels=(8, 8), down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"), layers_per_block=1,
                   norm_num_groups=2, add_attention=False, center_input_sample=True, time_embedding_dim=20, sample_size=32),
              dict(beta_schedule="scaled_linear", beta_start=0.001, beta_end=0.03, num_train_timesteps=400, prediction_type="v_prediction")),
}

root = Path(sys.argv[1])
torch.manual_seed(3)
for name, (network, schedule) in MODELS.items():
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    former = name == "former"
    net, scheduler = UNet2DModel(**network).eval(), DDPMScheduler(clip_sample=False, **schedule)
    with torch.no_grad():
        for key, p in net.named_parameters():
            if p.ndim == 1:  # norms and biases start at 0 and 1, where mistakes would not show
                p.add_(0.2 * torch.randn(p.shape))
    net.save_pretrained(folder / "unet" if former else folder)
    scheduler.save_pretrained(folder / "scheduler" if former else folder)
    if former:
        weights = load_file(folder / "unet" / WEIGHTS)
        for now, then in FORMER.items():
            weights = {k.replace(now, then): v for k, v in weights.items()}
        save_file(weights, folder / "unet" / WEIGHTS)
    alpha_bar = torch.cumprod(1 - scheduler.betas.double(), 0)
    tensors = {"sigma": ((1 - alpha_bar) / alpha_bar).sqrt().float()}
    last = len(alpha_bar) - 1
    for width, height in ((16, 16), (32, 24)):
        x = tensors[f"x.{width}x{height}"] = torch.randn(1, 3, height, width)
        for t in (0, 20.25, int(0.3 * last), last):
            key = f"{width}x{height}.{t}"
            with torch.no_grad():
                out = tensors[f"out.{key}"] = net(x, torch.tensor(float(t))).sample
            if t == int(t):
                tensors[f"x0_hat.{key}"] = scheduler.step(out, int(t), x).pred_original_sample
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "parity.safetensors")
