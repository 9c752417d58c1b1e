"""Trains the miniature on a GPU that is lent for minutes: scenes first, then all networks in a row.

Needs torch, NumPy and Pillow, and of this repository `tools/miniature` and `sandbox/painter` alone.
On the machine with the GPU, first, then as long as it is lent:

    python -m tools.miniature.device check
    python -m tools.miniature.device scenes --count 200000 --seconds 120
    python -m tools.miniature.device train --out out --seconds 420 --codec-seconds 60

and, where diffusers is, with what came back: `python -m tools.miniature.device land --out out`. The
judge alone is trained by `python -m tools.miniature.device judge`, with `--tiny` on a processor.

What to look at:

* `check` ends in "go on", or prints the line that fails. "attention by cuDNN" and "odd product" may
  fail: nothing uses them. If "flow" fails, give `train --careful`.
* `log.jsonl`, stage `codec`: an H200 came to 33.8 decibels from clean latents in 35 seconds.
* Stage `flow`: a line at step 1, then one every 50 steps; loss, layout and tints fall.
* A line with `failed` is followed by one more run, `--careful`, with the codec kept.
* `sheet.jpg` shows 18 prompts and 6 drawn ones: suns are round and colours are the asked ones, or
  it has to be trained longer.
* `judge.npz` knows more than the one trained on a processor: it belongs in the place of
  `bench/miniature_judge.npz`.
* `flow-*.npz` and `rest-*.npz` are written in turn every 45 seconds, so that a run that is cut off
  is not lost.

`--tiny` runs `check`, `train` and `warm` on a processor.
"""
