"""The miniature's parts, as the classes of diffusers and transformers that FLUX itself uses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderTiny, FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

from tools.miniature.latents import CHANNELS
from tools.miniature.lexicon import rules, vocabulary

TOKENS = 32
LATENT_BOUND = 3.0  # diffusers' DecoderTiny squeezes its input into this range
HEAD = 32
TEXT_WIDTH = 128
POOLED_WIDTH = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """How big the transformer is."""

    heads: int = 5
    double_blocks: int = 2
    single_blocks: int = 5


def build_transformer(shape: Shape) -> FluxTransformer2DModel:
    """A transformer whose every block starts as the identity and whose output starts at zero."""
    model = FluxTransformer2DModel(
        patch_size=1,
        in_channels=4 * CHANNELS,
        num_layers=shape.double_blocks,
        num_single_layers=shape.single_blocks,
        attention_head_dim=HEAD,
        num_attention_heads=shape.heads,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=POOLED_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(8, 12, 12),
    )
    still = [block.norm.linear for block in model.single_transformer_blocks]
    for block in model.transformer_blocks:
        still += [block.norm1.linear, block.norm1_context.linear]
    for layer in (*still, model.norm_out.linear, model.proj_out):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return model


def build_t5(words: int | None = None) -> T5EncoderModel:
    """The encoder whose states the image attends to; as many words as the vocabulary has."""
    model = T5EncoderModel(
        T5Config(
            vocab_size=words or len(vocabulary()),
            d_model=TEXT_WIDTH,
            d_kv=32,
            d_ff=256,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            is_encoder_decoder=False,
            use_cache=False,
            dropout_rate=0.0,
            relative_attention_num_buckets=32,
            relative_attention_max_distance=64,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    torch.nn.init.normal_(model.shared.weight, std=1.0)
    return model


def build_clip(words: int | None = None) -> CLIPTextModel:
    """The encoder whose pooled state modulates every block; words as above."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=words or len(vocabulary()),
            hidden_size=POOLED_WIDTH,
            intermediate_size=2 * POOLED_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            projection_dim=POOLED_WIDTH,
            bos_token_id=3,
            eos_token_id=1,
            pad_token_id=0,
        )
    )


def build_autoencoder(width: int = 32) -> AutoencoderTiny:
    """Images to 16-channel latents an eighth as wide, and back."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=(0, 1, 1, 1),
        num_decoder_blocks=(2, 2, 2, 1),
        latent_channels=CHANNELS,
        scaling_factor=LATENT_BOUND,
        shift_factor=0.0,
    )


def build_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """FLUX's own schedule."""
    return FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000,
        shift=3.0,
        use_dynamic_shifting=True,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
    )


def build_tokenizer(*, begins: bool, words: int | None = None) -> PreTrainedTokenizerFast:
    """A tokenizer that rewrites prompts by the lexicon's rules; CLIP's has a first token too.

    It gives the ids of the first `words` of the vocabulary alone, which older encoders know.
    """
    table = {word: number for number, word in enumerate(vocabulary(words))}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="<unk>"))  # noqa: S106 - no secret
    steps = [normalizers.NFKC(), normalizers.Lowercase()]
    steps += [normalizers.Replace(Regex(pattern), text) for pattern, text in rules(words)]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    frame = "<s> $A </s>" if begins else "$A </s>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=frame, special_tokens=[("<s>", 3), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",  # noqa: S106 - no secret
        eos_token="</s>",  # noqa: S106 - no secret
        unk_token="<unk>",  # noqa: S106 - no secret
        bos_token="<s>",  # noqa: S106 - no secret
        model_max_length=TOKENS,
    )
