"""Trains the two text encoders before the flow: to know what scene a caption speaks of.

FLUX's own encoders are trained elsewhere and stay as they are while the flow learns; so do these.
Both answer every question about the scene from what they hand to the transformer: the T5-style one
through one look at its states for each question, the CLIP-style one from its pooled state.

Encoders that are in the folder are taken up. They get the words they lack and go on saying the same
of captions that have none of those, for the sake of a flow that learned with them.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from tools.miniature.captions import describe
from tools.miniature.lexicon import COUNTED, PLAIN_NOUNS, vocabulary
from tools.miniature.muon import Muon
from tools.miniature.networks import POOLED_WIDTH, TEXT_WIDTH, build_clip, build_t5
from tools.miniature.questions import QUESTIONS, answer, loss
from tools.miniature.scenes import draw_scene
from tools.miniature.words import encode_words

NAME = "text.pt"
BATCH = 64
PEAK = 2e-3
SCENES = 30_000
FIRST = 10_000_000  # seeds from here on are of no training image
TOLD = 4  # captions to a scene
HELD_OUT = 1000  # scenes that it is asked about at the end
KEPT = 60.0
"""How much a state's distance from what it was counts, as a share of how states vary."""
Read: TypeAlias = tuple[torch.Tensor, torch.Tensor]


class Reader(torch.nn.Module):
    """Both encoders, and what reads the answers off their states."""

    def __init__(self) -> None:
        super().__init__()
        self.t5, self.clip = build_t5(), build_clip()
        width = sum(len(names) for names in QUESTIONS.values())
        self.looks = torch.nn.Parameter(torch.randn(len(QUESTIONS), TEXT_WIDTH) * 0.1)
        self.from_states = torch.nn.ModuleList(
            torch.nn.Linear(TEXT_WIDTH, len(names)) for names in QUESTIONS.values()
        )
        self.from_pooled = torch.nn.Linear(POOLED_WIDTH, width)

    def forward(self, t5: torch.Tensor, clip: torch.Tensor) -> tuple[Read, Read]:
        """Scores (captions, all answers) by states and by pooled state; then those themselves."""
        states, pooled = self.t5(t5)[0], self.clip(clip).pooler_output
        weights = (states @ self.looks.T * TEXT_WIDTH**-0.5).softmax(dim=1)
        seen = weights.transpose(1, 2) @ states
        scores = [head(seen[:, number]) for number, head in enumerate(self.from_states)]
        return (torch.cat(scores, dim=1), self.from_pooled(pooled)), (states, pooled)


class _Former:
    """The encoders that are taken up, as they were: what they said is to stay."""

    def __init__(self, stored: dict[str, dict[str, torch.Tensor]]) -> None:
        self.words = len(stored["t5"]["shared.weight"])
        self.nets = build_t5(self.words), build_clip(self.words)
        for net, part in zip(self.nets, ("t5", "clip"), strict=True):
            net.load_state_dict(stored[part])
            net.requires_grad_(False)

    def hand_on(self, reader: Reader) -> None:
        """Begin as what they are; a word for several things begins as the word for one."""
        words = vocabulary()
        one = {
            words.index(several): PLAIN_NOUNS.get(kind, kind) for kind, several in COUNTED.items()
        }
        for net, former in zip((reader.t5, reader.clip), self.nets, strict=True):
            state, known = net.state_dict(), former.state_dict()
            for name, value in known.items():
                if value.shape == state[name].shape:
                    state[name] = value
                    continue
                state[name][: self.words] = value
                for number, word in one.items():
                    if number >= self.words:
                        state[name][number] = value[words.index(word)]
            net.load_state_dict(state)

    def apart(self, t5: torch.Tensor, clip: torch.Tensor, states: Read) -> torch.Tensor:
        """How far from theirs the states are of the captions whose words they all know."""
        apart = torch.zeros(())
        known = (t5 < self.words).all(dim=1)
        if known.any():
            for ids, net, found in zip((t5, clip), self.nets, states, strict=True):
                said = net(ids[known])
                wanted = said[0] if found.ndim == 3 else said.pooler_output
                apart = apart + (found[known] - wanted).pow(2).mean() / wanted.var()
        return apart


def train(folder: Path, minutes: float, steps: int = 0) -> None:
    """Train for the given minutes, or steps, and write the averaged encoders into the folder."""
    torch.manual_seed(0)
    t5, clip, known = _captions(SCENES)
    reader, chance = Reader(), np.random.default_rng(0)
    former = _former(folder, reader)
    mean = copy.deepcopy(reader)
    optimizers = _optimizers(reader)
    step, log = 0, []
    begun = time.monotonic()
    while (passed := step / steps if steps else (time.monotonic() - begun) / 60 / minutes) < 1:
        share = min(1.0, (step + 1) / 100) * min(1.0, 0.01 + 2 * (1 - passed))
        picks = chance.integers(0, len(known) - HELD_OUT, BATCH)
        told = chance.integers(0, TOLD, BATCH)
        ids = torch.from_numpy(t5[picks, told]).long(), torch.from_numpy(clip[picks, told]).long()
        answers, states = reader(*ids)
        losses = [loss(scores, torch.from_numpy(known[picks]), QUESTIONS) for scores in answers]
        if former:
            losses.append(KEPT * former.apart(*ids, states))
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = PEAK * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        with torch.no_grad():
            keep = min(0.998, 1 - 10 / (100 + step))
            torch._foreach_lerp_(list(mean.parameters()), list(reader.parameters()), 1 - keep)
        if step % 100 == 0:
            log.append([step, *(round(float(part.detach()), 4) for part in losses)])
            print("text", *log[-1], flush=True)
    right = _measure(mean, (t5[-HELD_OUT:], clip[-HELD_OUT:], known[-HELD_OUT:]))
    torch.save({"t5": mean.t5.state_dict(), "clip": mean.clip.state_dict()}, folder / NAME)
    (folder / "text.json").write_text(json.dumps({"log": log, "right": right}))
    print(right, flush=True)


def _former(folder: Path, reader: Reader) -> _Former | None:
    """The encoders in the folder, where there are some, handed on to the reader."""
    if not (folder / NAME).exists():
        return None
    former = _Former(torch.load(folder / NAME, weights_only=True))
    former.hand_on(reader)
    return former


def _optimizers(reader: Reader) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the encoders' matrices, AdamW for everything else."""
    matrices, others = [], []
    for name, weight in reader.named_parameters():
        heavy = weight.ndim == 2 and "layer" in name and "relative" not in name
        (matrices if heavy else others).append(weight)
    return (
        Muon(matrices, PEAK, 0.01),
        torch.optim.AdamW(others, PEAK, betas=(0.9, 0.98), weight_decay=0.0),
    )


def _captions(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token ids (count, captions, tokens) for both encoders, and the answers (count, questions)."""
    rows: tuple[list[list[np.ndarray]], ...] = ([], [])
    known = []
    for seed in range(FIRST, FIRST + count):
        chance = np.random.default_rng((seed, 5))
        scene = draw_scene(chance)
        told = [describe(scene, chance) for _ in range(TOLD)]
        for row, begins in zip(rows, (False, True), strict=True):
            row.append([encode_words(text, begins=begins) for text in told])
        known.append(answer(scene))
    return np.array(rows[0]), np.array(rows[1]), np.array(known)


@torch.no_grad()
def _measure(reader: Reader, held_out: tuple[np.ndarray, ...]) -> dict[str, list[float]]:
    """Share of right answers to each question, by states and by pooled state.

    Captions leave much out, so that 1 cannot be reached.
    """
    t5, clip, known = held_out
    both, _ = reader(torch.from_numpy(t5[:, 0]).long(), torch.from_numpy(clip[:, 0]).long())
    found: dict[str, list[float]] = {}
    for scores in both:
        parts = scores.split([len(names) for names in QUESTIONS.values()], dim=1)
        for number, (name, part) in enumerate(zip(QUESTIONS, parts, strict=True)):
            applies = known[:, number] >= 0
            if not applies.any():  # too few scenes for a rare thing
                continue
            right = part.argmax(1).numpy()[applies] == known[applies, number]
            found.setdefault(name, []).append(round(float(right.mean()), 3))
    return found
