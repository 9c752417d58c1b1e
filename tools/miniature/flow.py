"""Trains the transformer: rectified flow, then guidance distillation.

Beside the flow it learns to tell from its inner states what the painter put where. That is what
the words ask for, said plainly, and the flow alone finds it out only slowly.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from tools.miniature.examples import Batch, Examples
from tools.miniature.learner import KINDS, Learner, Recipe, agree
from tools.miniature.lexicon import vocabulary
from tools.miniature.networks import TOKENS
from tools.miniature.pictures import SMALL
from tools.miniature.plain import half_is_fast
from tools.miniature.words import encode_words

GUIDANCE = (1.0, 6.0)
ANEW, AGAIN = 150, 20
"""Steps in which the learning rate rises: optimizers that are taken up know their way already."""
SMALL_COUNTS = 3.0  # how much more than sky or land a small thing counts in a layout


class Clock:
    """Tells how long a run still lasts; a file named `settle` makes it end soon."""

    def __init__(self, sign: Path, recipe: Recipe) -> None:
        self.sign = sign
        self.settle, self.end = recipe.settle_minutes, recipe.minutes
        self.per_step = recipe.minutes / recipe.steps if recipe.steps else 0.0
        self.asked = -1
        self.begun = time.monotonic()

    def left(self) -> float:
        """Minutes to the end, the same in every process; to be asked once before every step."""
        self.asked += 1
        wall = (time.monotonic() - self.begun) / 60
        now = self.asked * self.per_step if self.per_step else wall
        if self.sign.exists():
            self.end = min(self.end, now + self.settle)
        left = torch.tensor([self.end - now])
        agree([left])
        return float(left)


def train(folder: Path, recipe: Recipe) -> None:
    """Train for the recipe's minutes, from the checkpoint where there is one.

    Under `torchrun` each process takes a batch of its own, and all take the same steps.
    """
    torch.set_flush_denormal(True)
    rank = 0
    if torch.distributed.is_torchelastic_launched():
        torch.distributed.init_process_group("gloo")
        rank = torch.distributed.get_rank()
    (folder / "settle").unlink(missing_ok=True)
    learner, path = Learner(recipe, folder), folder / "flow.pt"
    if path.exists():
        learner.load(path)
    known = learner.nets[1].shared.num_embeddings
    if known < len(vocabulary()):  # captions have words that these encoders do not
        raise ValueError(f"the encoders know {known} words of {len(vocabulary())}: train `text`")
    examples = Examples(folder / "data", recipe.device)
    chance = np.random.default_rng((1, learner.step, rank))
    torch.manual_seed(1000 * learner.step + rank)
    begun = saved = time.monotonic()
    began_at, losses = learner.step, []
    warming = AGAIN if began_at else ANEW
    clock = Clock(folder / "settle", recipe)
    while (left := clock.left()) > 0:
        batch = examples.draw(recipe.batch, 0.1, chance)
        distilling = left < recipe.distil_minutes
        with sdpa_kernel(_attention(recipe)):
            loss, parts = _loss(learner, batch, recipe, distilling)
        rise = min(1.0, (learner.step - began_at + 1) / warming)
        learner.update(loss, rise * min(1.0, 0.02 + left / recipe.settle_minutes))
        losses.append(parts)
        if rank == 0 and learner.step % recipe.log_every == 0:
            _report(learner, np.mean(losses, axis=0), (time.monotonic() - begun) / 60, distilling)
            losses = []
        if rank == 0 and time.monotonic() - saved > recipe.save_minutes * 60:
            learner.save(path)
            saved = time.monotonic()
    if rank == 0:
        learner.save(path)
        (folder / "flow.json").write_text(json.dumps(learner.log))


def _attention(recipe: Recipe) -> list[SDPBackend]:
    """On a CPU plain products are faster than flash attention for so few tokens."""
    if recipe.device == "cpu":
        return [SDPBackend.MATH]
    return [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def velocity(
    nets: torch.nn.ModuleList,
    noisy: torch.Tensor,
    grid: tuple[int, int],
    wish: tuple[torch.Tensor, ...],
) -> torch.Tensor:
    """What the transformer answers; `wish` is sigma, guidance, text states and pooled state."""
    sigma, guidance, states, pooled = wish
    rows, columns = grid
    places = torch.zeros(rows * columns, 3, device=noisy.device)
    places[:, 1] = torch.arange(rows, device=noisy.device).repeat_interleave(columns)
    places[:, 2] = torch.arange(columns, device=noisy.device).repeat(rows)
    answer = nets[0](
        hidden_states=noisy,
        timestep=sigma,
        guidance=guidance,
        pooled_projections=pooled,
        encoder_hidden_states=states,
        txt_ids=torch.zeros(TOKENS, 3, device=noisy.device),
        img_ids=places,
        return_dict=False,
    )
    return answer[0].float()


def read_text(
    nets: torch.nn.ModuleList, t5: torch.Tensor, clip: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """T5's states and CLIP's pooled state."""
    return nets[1](t5)[0], nets[2](clip).pooler_output


def _loss(
    learner: Learner, batch: Batch, recipe: Recipe, distilling: bool
) -> tuple[torch.Tensor, tuple[float, float]]:
    """What to go down, and its two parts: the flow's error without guidance and the layout's."""
    count, device = len(batch.latents), recipe.device
    sigma = torch.sigmoid(0.35 + 1.1 * torch.randn(count, device=device))
    noise = torch.randn_like(batch.latents)
    level = sigma[:, None, None]
    noisy = (1 - level) * batch.latents + level * noise
    target, guidance = noise - batch.latents, torch.ones(count, device=device)
    taught = count // 2 if distilling else 0
    kind = torch.device(device).type
    half = torch.autocast(kind, torch.bfloat16, enabled=half_is_fast(kind))
    with torch.no_grad(), half:
        states, pooled = read_text(learner.nets, batch.t5, batch.clip)
        if taught:
            low, high = GUIDANCE
            guidance[:taught] = low + (high - low) * torch.rand(taught, device=device)
            target[:taught] = _guided(learner, batch, (noisy[:taught], sigma, guidance))
    with half:
        answer = velocity(learner.nets, noisy, batch.grid, (sigma, guidance, states, pooled))
    errors = (answer - target).pow(2)
    error = errors.mean(2)
    # Only where the image is already clear: in pure noise the weight would invite extra suns.
    clear = (1 - sigma)[:, None]
    more = recipe.small_things * batch.small + recipe.rims * batch.rims
    weight = 1 + (more + recipe.discs * batch.discs) * clear
    flow = ((errors * batch.visible).mean(2) * weight).sum() / weight.sum()
    counts = torch.ones(KINDS, device=device)
    counts[1 : len(SMALL) + 1] = SMALL_COUNTS
    layout = torch.nn.functional.cross_entropy(
        learner.layout().flatten(0, 2), batch.maps.flatten(), counts
    )
    parts = float(error[taught:].detach().mean()), float(layout.detach())
    return flow + recipe.layout * layout, parts


def _guided(learner: Learner, batch: Batch, state: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Classifier-free guidance by the averaged networks: what the student shall answer at once."""
    noisy, sigma, guidance = state
    taught = len(noisy)
    empty = [
        torch.from_numpy(encode_words("", begins=begins)).long().to(noisy.device)[None]
        for begins in (False, True)
    ]
    t5, clip = torch.cat([batch.t5[:taught], empty[0]]), torch.cat([batch.clip[:taught], empty[1]])
    states, pooled = read_text(learner.mean, t5, clip)
    plain = torch.ones(2 * taught, device=noisy.device)
    both = torch.cat([states[:taught], states[taught:].expand(taught, -1, -1)])
    pools = torch.cat([pooled[:taught], pooled[taught:].expand(taught, -1)])
    wish = (sigma[:taught].repeat(2), plain, both, pools)
    told, free = velocity(learner.mean, noisy.repeat(2, 1, 1), batch.grid, wish).chunk(2)
    return free + guidance[:taught, None, None] * (told - free)


def _report(learner: Learner, losses: np.ndarray, minutes: float, distilling: bool) -> None:
    entry = {"step": learner.step, "minutes": round(minutes, 2), "distilling": float(distilling)}
    flow, layout = (round(float(loss), 4) for loss in losses)
    learner.log.append({**entry, "loss": flow, "layout": layout})
    print(json.dumps(learner.log[-1]), flush=True)
