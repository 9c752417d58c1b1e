"""Records of jobs as the history has them, and prompts that are hard to keep."""

from __future__ import annotations

from typing import Any

PROMPTS = {
    "plain": "A photo of a red fox in snow, 85mm, golden hour",
    "lines": "first line\nsecond line\r\n\n  third, with: colons\n",
    "quotes": "a \"quoted\" 'word', a back\\slash & <b>tag</b> </srpo:job> ]]>",
    "cjk": "雪の中の狐、夕焼けが美しい",
    "emoji": "🦊❄️ 👨‍👩‍👧 in snow",
    "steps": "Footsteps: 12, Steps: 3, Sampler: none, Seed: 1\nSteps: 20, Seed: 5, Size: 64x64",
    "negative": "a fox\nNegative prompt: dogs\nTemplate: x\nsize: big",
    "odd": "nul \x00 bell \x07 del \x7f next \x85 line \u2028 lone \ud83e end \uffff",
    "long": "狐🦊" * 2_000,
    "escaped": '"<&\\' * 1_000,
}


def record(prompt: str = PROMPTS["plain"], *, params: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the record of a job, as the history has it."""
    wanted = {"prompt": prompt, "width": 1024, "height": 768, "steps": 28, "guidance": 4.5}
    wanted |= {"seed": 1_234_567_890, "output_format": "png", "model": "flux-1-srpo"}
    return {
        "v": 1,
        "task": "text-to-image",
        "backend": "wavespeed",
        "model": "flux.1-srpo",
        "sandbox": False,
        "prompt": prompt,
        "params": wanted | (params or {}),
        "seed": 1_234_567_890,
        "width": 1024,
        "height": 768,
        "request_id": "4f2c9a7be1d84c",
        "price_usd": 0.025,
        "created_at": "2026-08-20T14:33:01.5+02:00",
        "elapsed_s": 2.75,
    } | changes
