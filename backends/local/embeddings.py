"""What the text encoders made of a prompt, kept for the next image with the same words."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

MOST = 64
"""Prompts kept: with FLUX.1 4.2 MB each in bf16, so about 270 MB of memory."""
LONGEST = 512
"""Tokens FLUX.1 was trained with; they are padded to the length and never masked."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Tensors (1, tokens, width) and (1, width) on the CPU, and how far the prompt was read."""

    tokens: Any
    pooled: Any
    read_until: str = ""
    """The last words that were read when the prompt was too long; "" when all of it was."""


@dataclass(slots=True)
class Embeddings:
    """The least recently used prompt is forgotten first. `pipe` has the encoders alone."""

    pipe: Any
    device: str
    kept: OrderedDict[str, Embedded] = field(default_factory=OrderedDict)

    @property
    def length(self) -> int:
        """Tokens the model takes."""
        return min(LONGEST, int(self.pipe.tokenizer_2.model_max_length))

    def of(self, prompt: str) -> Embedded:
        """Return the embeddings of a prompt; encodes only what is not kept.

        Encoders that come to the card on their turn leave it at once: others need the room.
        """
        if prompt in self.kept:
            self.kept.move_to_end(prompt)
            return self.kept[prompt]
        import torch

        try:
            with torch.no_grad():  # or each kept tensor would hold on to how it was made
                tokens, pooled, _ids = self.pipe.encode_prompt(
                    prompt=prompt,
                    prompt_2=None,
                    device=self.device,
                    max_sequence_length=self.length,
                )
        finally:
            self.pipe.maybe_free_model_hooks()  # does nothing where they stay
        made = Embedded(tokens.cpu(), pooled.cpu(), self._read_until(prompt))
        self.kept[prompt] = made
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)
        return made

    def _read_until(self, prompt: str) -> str:
        """Return the last words within the length, or "" when nothing was cut."""
        tokenizer = self.pipe.tokenizer_2
        ids = tokenizer(prompt, truncation=False, verbose=False).input_ids
        if len(ids) <= self.length:
            return ""
        told: str = tokenizer.decode(ids[: self.length - 1], skip_special_tokens=True)
        return told[-60:].partition(" ")[2] or told[-60:]
