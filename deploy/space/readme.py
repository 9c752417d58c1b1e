"""What a Space's own README says to whoever finds it: what it does, and what its owner can add."""

from __future__ import annotations

from deploy.space.kinds import CPU, LICENCE, ZERO, Plan

HEAD = """\
# FLUX.1 SRPO Playground

Write a prompt, watch it become an image, and keep everything it takes to make it again.
{painter}
Services that cost money are a marked sandbox here until the owner adds a key and a budget; a
visitor can enter a key of their own on the Backends tab.

## What the owner can add

In the Space's settings, under *Variables and secrets*; `python -m deploy.space publish` sets those
that have a value here:

| name | as | what for |
|---|---|---|
{rows}

Attach a storage bucket at `/data` and set the variable `SRPO_DATA_DIR` to `/data`, and everything
is there again after the Space slept. Without one, images live until then; visitors can download
them.
"""
ON_CPU = "The miniature, a tiny model of FLUX's architecture, makes images at once and free."
ON_ZERO = """\
FLUX.1 SRPO makes each image on a shared GPU, in its visitor's own daily minutes; the miniature
makes them at once and without limit."""
ON_GPU = "FLUX.1 SRPO runs on the Space's own GPU; the miniature makes images while it loads."
MODEL = """
## The model and its licence

The weights of FLUX.1 [dev] and SRPO are for non-commercial use, SRPO's for academic purposes. Read
<https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md> and
<https://huggingface.co/tencent/SRPO/blob/main/LICENSE.txt>. {state}
"""
ACCEPTED = f"The owner of this Space has accepted them: `{LICENCE}=1` stands in its variables."
OFF = f"""\
Until the owner accepts them with the variable `{LICENCE}=1`, no weight of them is loaded, and the
Space works with the miniature and the services."""
MEANING = {
    "LOCAL_MODEL": "the model",
    "LOCAL_QUANT": "its weights",
    "LOCAL_TRANSFORMER": "the transformer that is put into it",
    "LOCAL_SPEED": "nothing is compiled on ZeroGPU",
    LICENCE: "the owner has accepted the licences below",
}


def body(plan: Plan) -> str:
    """Return the text below the front matter."""
    painter = ON_CPU if plan.kind is CPU else ON_ZERO if plan.kind is ZERO else ON_GPU
    told = [(name, "variable", f"`{v}`: {MEANING[name]}") for name, v in plan.variables.items()]
    if plan.kind.paints and not plan.accepted:
        told.append((LICENCE, "variable", f"not set; 1 says that {MEANING[LICENCE]}"))
        painter = f"{ON_CPU} With the owner's consent to its licence, FLUX.1 SRPO runs too."
    told += [
        ("SRPO_BUDGET_DAY_USD", "variable", "what may be spent in a day, with a key below"),
        ("SRPO_ADMINS", "variable", "`hf:name`, who sees all sums and the balance"),
        *((name, "secret", what) for name, what in plan.secrets.items()),
    ]
    rows = "\n".join(f"| `{name}` | {kind} | {what} |" for name, kind, what in told)
    text = HEAD.format(painter=painter, rows=rows)
    if plan.kind.paints:
        text += MODEL.format(state=ACCEPTED if plan.accepted else OFF)
    return text
