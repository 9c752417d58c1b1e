"""The miniature's networks in torch alone, under the names diffusers and transformers give them.

A lent GPU has neither library, and these are compiled block by block. Weights go over as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEAD = 32
AXES = (8, 12, 12)
TOKENS = 32
TEXT_WIDTH = 128
TEXT_HEADS = 4
POOLED_WIDTH = 64
LATENT_CHANNELS = 8
LATENT_BOUND = 3.0  # diffusers' DecoderTiny squeezes its input into this range
END = 1
WAVES = 256
Turns = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Shape:
    """How big the transformer is."""

    heads: int = 7
    double_blocks: int = 2
    single_blocks: int = 5
    channels: int = LATENT_CHANNELS

    @property
    def width(self) -> int:
        """Numbers to a token inside."""
        return self.heads * HEAD


class Flux(nn.Module):
    """FLUX's transformer; every block starts as the identity and the output at zero."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.time_text_embed = nn.ModuleDict(
            {
                "timestep_embedder": _Embedder(WAVES, width),
                "guidance_embedder": _Embedder(WAVES, width),
                "text_embedder": _Embedder(POOLED_WIDTH, width),
            }
        )
        self.context_embedder = nn.Linear(TEXT_WIDTH, width)
        self.x_embedder = nn.Linear(4 * shape.channels, width)
        self.transformer_blocks = nn.ModuleList(
            DoubleBlock(width) for _ in range(shape.double_blocks)
        )
        self.single_transformer_blocks = nn.ModuleList(
            SingleBlock(width) for _ in range(shape.single_blocks)
        )
        self.norm_out = _Modulation(width, 2)
        self.proj_out = nn.Linear(width, 4 * shape.channels)
        for name, weight in self.named_parameters():
            if (".linear." in name and "norm" in name) or name.startswith("proj_out"):
                nn.init.zeros_(weight)

    def forward(
        self, noisy: Tensor, wish: tuple[Tensor, Tensor, Tensor, Tensor], turns: Turns, look: int
    ) -> tuple[Tensor, Tensor]:
        """The velocity (n, tokens, 4 channels), and the state after the single block `look`.

        The wish is sigma, guidance (n,), the text's states (n, TOKENS, width), pooled (n, width).
        """
        sigma, guidance, states, pooled = wish
        embed = self.time_text_embed
        moment = embed["timestep_embedder"](_waves(sigma * 1000).to(pooled.dtype))
        moment = moment + embed["guidance_embedder"](_waves(guidance * 1000).to(pooled.dtype))
        moment = functional.silu(moment + embed["text_embedder"](pooled))
        # Single precision is kept along the blocks, whatever their products are computed in.
        image, words = self.x_embedder(noisy).float(), self.context_embedder(states).float()
        for block in self.transformer_blocks:
            image, words = block(image, words, moment, turns)
        both, seen = torch.cat([words, image], dim=1), image
        for number, block in enumerate(self.single_transformer_blocks):
            both = block(both, moment, turns)
            if number == look:
                seen = both[:, words.shape[1] :]
        scale, shift = self.norm_out(moment)
        return self.proj_out(_modulated(both[:, words.shape[1] :], shift, scale)), seen


class DoubleBlock(nn.Module):
    """Words and image with weights of their own, attending to each other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm1_context = _Modulation(width, 6), _Modulation(width, 6)
        self.attn = _Attention(width, words=True)
        self.ff, self.ff_context = _FeedForward(width), _FeedForward(width)

    def forward(
        self, image: Tensor, words: Tensor, moment: Tensor, turns: Turns
    ) -> tuple[Tensor, Tensor]:
        """Both streams, one step on."""
        of_image, of_words = self.norm1(moment), self.norm1_context(moment)
        attn = self.attn
        new = attn.project(_modulated(image, *of_image[:2]))
        old = attn.project_words(_modulated(words, *of_words[:2]))
        query, key, value = (torch.cat(pair, dim=1) for pair in zip(old, new, strict=True))
        mixed = _attend(query, key, value, turns)
        count = words.shape[1]
        image = image + of_image[2] * attn.to_out[0](mixed[:, count:])
        words = words + of_words[2] * attn.to_add_out(mixed[:, :count])
        image = image + of_image[5] * self.ff(_modulated(image, *of_image[3:5]))
        words = words + of_words[5] * self.ff_context(_modulated(words, *of_words[3:5]))
        return image, words


class SingleBlock(nn.Module):
    """Words and image as one row of tokens; attention and feed-forward side by side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _Modulation(width, 3)
        self.proj_mlp = nn.Linear(width, 4 * width)
        self.proj_out = nn.Linear(5 * width, width)
        self.attn = _Attention(width, words=False)

    def forward(self, both: Tensor, moment: Tensor, turns: Turns) -> Tensor:
        """The row of tokens, one step on."""
        shift, scale, gate = self.norm(moment)
        inner = _modulated(both, shift, scale)
        seen = _attend(*self.attn.project(inner), turns)
        fed = functional.gelu(self.proj_mlp(inner), approximate="tanh")
        return both + gate * self.proj_out(torch.cat([seen, fed], dim=2))


class _Attention(nn.Module):
    def __init__(self, width: int, *, words: bool) -> None:
        super().__init__()
        self.norm_q, self.norm_k = _Gain(HEAD), _Gain(HEAD)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        if words:
            self.to_out = nn.ModuleList([nn.Linear(width, width)])
            self.norm_added_q, self.norm_added_k = _Gain(HEAD), _Gain(HEAD)
            self.add_q_proj, self.add_k_proj, self.add_v_proj, self.to_add_out = (
                nn.Linear(width, width) for _ in range(4)
            )

    def project(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (n, tokens, heads, head)."""
        parts = (_by_heads(part(values)) for part in (self.to_q, self.to_k, self.to_v))
        query, key, value = parts
        return self.norm_q(query), self.norm_k(key), value

    def project_words(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same for the words of a double block."""
        parts = (self.add_q_proj, self.add_k_proj, self.add_v_proj)
        query, key, value = (_by_heads(part(values)) for part in parts)
        return self.norm_added_q(query), self.norm_added_k(key), value


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first = nn.ModuleDict({"proj": nn.Linear(width, 4 * width)})
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, values: Tensor) -> Tensor:
        first = self.net[0]["proj"](values)  # type: ignore[index]
        fed: Tensor = self.net[2](functional.gelu(first, approximate="tanh"))
        return fed


class _Modulation(nn.Module):
    """Shifts, scales and gates (n, 1, width) for one moment."""

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, parts * width)
        self.parts = parts

    def forward(self, moment: Tensor) -> tuple[Tensor, ...]:
        return self.linear(moment)[:, None].chunk(self.parts, dim=2)


class _Embedder(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(inputs, width), nn.Linear(width, width)

    def forward(self, values: Tensor) -> Tensor:
        embedded: Tensor = self.linear_2(functional.silu(self.linear_1(values)))
        return embedded


class _Gain(nn.Module):
    """Root mean square 1 over the last axis, then a gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, values: Tensor) -> Tensor:
        wide = values.float()
        unit = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
        return (unit * self.weight).to(values.dtype)


class T5(nn.Module):
    """States (n, TOKENS, TEXT_WIDTH) of token ids (n, TOKENS)."""

    def __init__(self, words: int, layers: int = 2) -> None:
        super().__init__()
        self.shared = nn.Embedding(words, TEXT_WIDTH)
        nn.init.normal_(self.shared.weight, std=1.0)
        self.encoder = nn.ModuleDict(
            {
                "block": nn.ModuleList(_T5Block(number == 0) for number in range(layers)),
                "final_layer_norm": _Gain(TEXT_WIDTH),
            }
        )
        self.register_buffer("distances", _distances(TOKENS), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """The states that the image attends to."""
        states = self.shared(ids)
        blocks = self.encoder["block"]
        table = blocks[0].layer[0]["SelfAttention"]["relative_attention_bias"].weight  # type: ignore[index]
        bias = table[self.distances].permute(2, 0, 1)[None]
        for block in blocks:  # type: ignore[union-attr]
            states = block(states, bias)
        last: Tensor = self.encoder["final_layer_norm"](states)
        return last


class _T5Block(nn.Module):
    def __init__(self, first: bool) -> None:
        super().__init__()
        width = TEXT_WIDTH
        attention = {name: nn.Linear(width, width, bias=False) for name in "qkvo"}
        if first:
            attention["relative_attention_bias"] = nn.Embedding(32, TEXT_HEADS)  # type: ignore[assignment]
        dense = {name: nn.Linear(width, 2 * width, bias=False) for name in ("wi_0", "wi_1")}
        dense["wo"] = nn.Linear(2 * width, width, bias=False)
        self.layer = nn.ModuleList(
            [
                nn.ModuleDict(
                    {"SelfAttention": nn.ModuleDict(attention), "layer_norm": _Gain(width)}
                ),
                nn.ModuleDict({"DenseReluDense": nn.ModuleDict(dense), "layer_norm": _Gain(width)}),
            ]
        )
        for name in "qk":
            nn.init.normal_(attention[name].weight, std=width**-0.5 * HEAD**-0.25)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        seeing, feeding = self.layer
        attention, dense = seeing["SelfAttention"], feeding["DenseReluDense"]  # type: ignore[index]
        inner = seeing["layer_norm"](states)  # type: ignore[index]
        query, key, value = (
            _by_heads(attention[name](inner), TEXT_HEADS).transpose(1, 2) for name in "qkv"
        )
        scores = query @ key.transpose(2, 3) + bias
        mixed = scores.float().softmax(3).to(value.dtype) @ value
        states = states + attention["o"](mixed.transpose(1, 2).flatten(2))
        inner = feeding["layer_norm"](states)  # type: ignore[index]
        gate = functional.gelu(dense["wi_0"](inner), approximate="tanh") * dense["wi_1"](inner)
        return states + dense["wo"](gate)


class Clip(nn.Module):
    """The pooled state (n, POOLED_WIDTH) of token ids (n, TOKENS): that at the first end token."""

    def __init__(self, words: int, layers: int = 2) -> None:
        super().__init__()
        width = POOLED_WIDTH
        self.embeddings = nn.ModuleDict(
            {
                "token_embedding": nn.Embedding(words, width),
                "position_embedding": nn.Embedding(TOKENS, width),
            }
        )
        for table in self.embeddings.values():
            nn.init.normal_(table.weight, std=0.1)  # type: ignore[arg-type]
        self.encoder = nn.ModuleDict(
            {"layers": nn.ModuleList(_ClipBlock(width) for _ in range(layers))}
        )
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor) -> Tensor:
        """What modulates every block."""
        places = self.embeddings["position_embedding"].weight
        states = self.embeddings["token_embedding"](ids) + places
        for layer in self.encoder["layers"]:  # type: ignore[union-attr]
            states = layer(states)
        ends = (ids == END).int().argmax(1)
        pooled: Tensor = self.final_layer_norm(states)[
            torch.arange(len(ids), device=ids.device), ends
        ]
        return pooled


class _ClipBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        self.self_attn = nn.ModuleDict({name: nn.Linear(width, width) for name in names})
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 2 * width), "fc2": nn.Linear(2 * width, width)}
        )

    def forward(self, states: Tensor) -> Tensor:
        inner = self.layer_norm1(states)
        names = ("q_proj", "k_proj", "v_proj")
        parts = (
            _by_heads(self.self_attn[name](inner), TEXT_HEADS).transpose(1, 2) for name in names
        )
        mixed = functional.scaled_dot_product_attention(*parts, is_causal=True)
        states = states + self.self_attn["out_proj"](mixed.transpose(1, 2).flatten(2))
        inner = self.mlp["fc1"](self.layer_norm2(states))
        return states + self.mlp["fc2"](inner * torch.sigmoid(1.702 * inner))


class Autoencoder(nn.Module):
    """diffusers' AutoencoderTiny: images in 0..1, and latents divided by `LATENT_BOUND`."""

    def __init__(
        self,
        width: tuple[int, int] = (32, 48),
        blocks: tuple[tuple[int, ...], tuple[int, ...]] = ((0, 1, 1, 1), (3, 4, 2, 0)),
        channels: int = LATENT_CHANNELS,
    ) -> None:
        super().__init__()
        self.widths, self.blocks = width, blocks
        self.encoder = nn.ModuleDict({"layers": _down(width[0], blocks[0], channels)})
        self.decoder = nn.ModuleDict({"layers": _up(width[1], blocks[1], channels)})

    def encode(self, pictures: Tensor) -> Tensor:
        """What the encoder gives, before any scaling."""
        found: Tensor = self.encoder["layers"](pictures)
        return found

    def decode(self, latents: Tensor) -> Tensor:
        """Images, not yet cut to 0..1."""
        painted: Tensor = self.decoder["layers"](torch.tanh(latents / 3) * 3)
        return painted


class _TinyBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(self.conv(values) + values)


def _down(width: int, blocks: tuple[int, ...], channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stage, count in enumerate(blocks):
        halve = nn.Conv2d(width, width, 3, padding=1, stride=2, bias=False)
        layers.append(halve if stage else nn.Conv2d(3, width, 3, padding=1))
        layers += [_TinyBlock(width) for _ in range(count)]
    return nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))


def _up(width: int, blocks: tuple[int, ...], channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
    for stage, count in enumerate(blocks):
        layers += [_TinyBlock(width) for _ in range(count)]
        if stage < len(blocks) - 1:
            layers.append(nn.Upsample(scale_factor=2.0, mode="nearest"))
            layers.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
        else:
            layers.append(nn.Conv2d(width, 3, 3, padding=1))
    return nn.Sequential(*layers)


def half_is_fast(device: str) -> bool:
    """Whether bfloat16 has instructions of its own; without them it is ten times slower."""
    if device != "cpu":
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def turns_of(grid: tuple[int, int], device: torch.device | str) -> Turns:
    """FLUX's rotary embedding (tokens, 1, head): words at the origin, the image on its grid."""
    rows, columns = grid
    places = torch.zeros(TOKENS + rows * columns, 3, dtype=torch.float64)
    places[TOKENS:, 1] = torch.arange(rows).repeat_interleave(columns)
    places[TOKENS:, 2] = torch.arange(columns).repeat(rows)
    angles = torch.cat(
        [
            places[:, axis, None]
            / 10_000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
            for axis, width in enumerate(AXES)
        ],
        dim=1,
    ).repeat_interleave(2, dim=1)[:, None]
    return angles.cos().float().to(device), angles.sin().float().to(device)


def pack(latents: Tensor) -> Tensor:
    """FLUX's packing: 2 x 2 latents (n, channels, rows, columns) become one token."""
    count, channels, rows, columns = latents.shape
    blocks = latents.reshape(count, channels, rows // 2, 2, columns // 2, 2)
    return blocks.permute(0, 2, 4, 1, 3, 5).reshape(count, rows * columns // 4, channels * 4)


def unpack(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """The inverse of `pack` for a grid of rows x columns tokens."""
    count, _, width = tokens.shape
    blocks = tokens.reshape(count, *grid, width // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return blocks.reshape(count, width // 4, grid[0] * 2, grid[1] * 2)


def _attend(query: Tensor, key: Tensor, value: Tensor, turns: Turns) -> Tensor:
    mixed = functional.scaled_dot_product_attention(
        _turned(query, turns).transpose(1, 2),
        _turned(key, turns).transpose(1, 2),
        value.transpose(1, 2),
    )
    return mixed.transpose(1, 2).flatten(2)


def _turned(values: Tensor, turns: Turns) -> Tensor:
    cosine, sine = turns
    even, odd = values.float().unflatten(-1, (-1, 2)).unbind(-1)
    across = torch.stack([-odd, even], dim=-1).flatten(-2)
    return (values.float() * cosine + across * sine).to(values.dtype)


def _by_heads(values: Tensor, heads: int | None = None) -> Tensor:
    return values.unflatten(-1, (heads, -1) if heads else (-1, HEAD))


def _modulated(values: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return functional.layer_norm(values, values.shape[-1:], eps=1e-6) * (1 + scale) + shift


def _waves(moments: Tensor) -> Tensor:
    half = WAVES // 2
    pitches = torch.exp(-math.log(10_000) * torch.arange(half, device=moments.device) / half)
    angles = moments.float()[:, None] * pitches
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def _distances(count: int) -> Tensor:
    """T5's buckets of how far apart two tokens are: near ones exactly, far ones by logarithm."""
    places = torch.arange(count)
    apart = places[None] - places[:, None]
    half, exact, far = 16, 8, 64
    size = apart.abs()
    rough = (size.clamp(min=1) / exact).log() / math.log(far / exact) * (half - exact)
    limited = torch.minimum(exact + rough.long(), torch.tensor(half - 1))
    return (apart > 0) * half + torch.where(size < exact, size, limited)
