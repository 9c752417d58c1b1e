"""A diffusers script that makes the same image as this backend does, without the playground."""

from __future__ import annotations

from pathlib import Path

from backends.local.fetch import SRPO_FILE
from backends.local.order import UNIT, Order
from backends.local.source import is_path
from core.code import arguments

SCRIPT = """import torch
from diffusers import {pipeline}
{imports}
pipe = {pipeline}.from_pretrained({model!r}, torch_dtype=torch.{dtype})
{transformer}pipe.to({device!r})
{varied}{source}image = pipe(
{arguments}
    generator=torch.Generator("cpu").manual_seed({seed}),
).images[0]
image.save("image.png")
"""
FROM_HUB = """from huggingface_hub import hf_hub_download
from safetensors.torch import load_file

pipe.transformer.load_state_dict(load_file(hf_hub_download({repo!r}, {file!r})))
"""
FROM_FILE = """from safetensors.torch import load_file

pipe.transformer.load_state_dict(load_file({file!r}))
"""
CROPPED = """
source = Image.open({file!r}).convert("RGB")
source = ImageOps.fit(source, {size}, Image.Resampling.LANCZOS)
"""
PADDED = """
given = Image.open({file!r}).convert("RGB")
source = ImageOps.fit(given, {size}, Image.Resampling.LANCZOS)
source = source.filter(ImageFilter.GaussianBlur({blur}))
inside = ImageOps.contain(given, {size}, Image.Resampling.LANCZOS)
source.paste(inside, (({size}[0] - inside.width) // 2, ({size}[1] - inside.height) // 2))
"""
BLEND = """import math


def blended(one, other):
    angle = math.acos(float((one * other).sum() / (one.norm() * other.norm())))
    mine = math.sin((1 - {strength!r}) * angle) / math.sin(angle)
    theirs = math.sin({strength!r} * angle) / math.sin(angle)
    return mine * one + theirs * other


"""
WORDS_VARIED = """shape = 1, pipe.transformer.config.in_channels // 4, {rows}, {columns}
both = []
for seed in ({seed}, {other}):
    generator = torch.Generator("cpu").manual_seed(seed)
    both.append(torch.randn(shape, generator=generator, dtype=pipe.dtype).float())
latents = pipe._pack_latents(blended(*both).to(pipe.dtype), *shape)
"""
SOURCE_VARIED = """plain = pipe.scheduler.scale_noise


def scale_noise(sample, timestep, noise):
    generator = torch.Generator("cpu").manual_seed({other})
    for _ in range(2):
        other = torch.randn(noise.shape, generator=generator, dtype=noise.dtype)
    mixed = blended(noise.cpu().float(), other.float())
    return plain(sample, timestep, mixed.to(noise.device, noise.dtype))


pipe.scheduler.scale_noise = scale_noise
"""


def script(
    order: Order, *, model: str, transformer: str = "", device: str = "cuda", file: str = ""
) -> str:
    """Write the script of an order; `file` is the image it starts from, "" for none."""
    values = {
        "prompt": order.prompt,
        "width": order.size[0],
        "height": order.size[1],
        "num_inference_steps": order.steps,
        "guidance_scale": order.guidance,
    }
    raw, source, imports = {}, "", ""
    if file:
        values["strength"] = order.strength
        raw = {"image": "source"}
        imports = "from PIL import Image, ImageFilter, ImageOps\n"
        template = CROPPED if order.fit == "crop" else PADDED
        source = template.format(file=file, size=order.size, blur=max(order.size) / 32)
    if order.varied and not file:
        raw["latents"] = "latents"
    weights = _weights(transformer) if transformer else ""
    return SCRIPT.format(
        pipeline="FluxImg2ImgPipeline" if file else "FluxPipeline",
        imports=imports,
        model=model,
        dtype="bfloat16" if device == "cuda" else "float32",
        transformer=weights,
        varied=_varied(order, file) if order.varied else "",
        device=device,
        source=source,
        arguments=arguments(values, indent=4, raw=raw),
        seed=order.seed,
    )


def _varied(order: Order, file: str) -> str:
    """Write what blends the noise of the variation seed into that of the seed."""
    columns, rows = (2 * (side // UNIT) for side in order.size)
    names = {"seed": order.seed, "other": order.variation_seed, "rows": rows, "columns": columns}
    blend = BLEND.format(strength=order.variation_strength)
    return blend + (SOURCE_VARIED if file else WORDS_VARIED).format(**names)


def _weights(transformer: str) -> str:
    """Write what puts other weights into the model, from a repo or a file of this machine."""
    parts = transformer.split("/")
    if is_path(transformer) and len(parts) != 3:
        return FROM_FILE.format(file=Path(transformer).name)
    return FROM_HUB.format(repo="/".join(parts[:2]), file="/".join(parts[2:]) or SRPO_FILE)
