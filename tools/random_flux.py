"""Makes a FLUX pipeline with random weights, 0.7 MB in diffusers layout, without a network.

It has every part and all the wiring of FLUX.1 and paints noise: enough to test and to race with.
`python -m tools.random_flux FOLDER`
"""

from __future__ import annotations

import string
import sys
from pathlib import Path
from typing import Any


def make(folder: Path, *, width: int = 2, length: int = 512) -> Path:
    """Write the pipeline into `folder` and return it; the same weights every time.

    `width` is the number of attention heads, `length` the most tokens of a prompt.
    """
    import torch
    from diffusers import FluxPipeline

    torch.manual_seed(0)
    pipe = FluxPipeline(
        scheduler=scheduler(),
        vae=autoencoder(),
        transformer=transformer(width),
        **_clip(),
        **_t5(length),
    )
    pipe.save_pretrained(folder)
    return folder


def scheduler() -> Any:
    """FLUX.1's own."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(
        shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15
    )


def transformer(heads: int) -> Any:
    """One block of each kind."""
    from diffusers import FluxTransformer2DModel

    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=heads,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        guidance_embeds=True,
        axes_dims_rope=(4, 6, 6),
    )


def autoencoder() -> Any:
    """Eight pixels a side to one latent, as FLUX.1 has it."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        latent_channels=16,
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
        scaling_factor=0.3611,
        shift_factor=0.1159,
    )


def _clip() -> dict[str, Any]:
    """A CLIP-style encoder whose tokens are bytes: it spells any text."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=32,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return {"tokenizer": tokenizer, "text_encoder": CLIPTextModel(config).eval()}


def _t5(length: int) -> dict[str, Any]:
    """A T5-style encoder whose tokens are characters."""
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    known = string.ascii_letters + string.digits + string.punctuation
    pieces += [(letter, -3.0) for letter in known]
    tokenizer = T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=length)
    config = T5Config(
        vocab_size=len(pieces),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=1,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        is_encoder_decoder=False,
        use_cache=False,
    )
    return {"tokenizer_2": tokenizer, "text_encoder_2": T5EncoderModel(config).eval()}


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
