"""A loaded FLUX model: one set of parts, a pipeline for each task, one image at a time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from backends.local import machine, noise, png, preview, speed
from backends.local.embeddings import Embeddings
from backends.local.order import Order, fitted
from backends.local.plan import Plan
from core.errors import BackendError
from core.events import Event, Finished, Preview, Running
from core.words import english

Tell = Callable[[Event], None]
Stopped = Callable[[], bool]
ENCODERS = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")
TILED_MEGAPIXELS = 1.5
"""Above this the decoder works in tiles: it needs most of the memory of an image."""


class PaintingStoppedError(Exception):
    """Raised from within a step to leave the pipeline; nothing is decoded."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How the model is driven; recorded with each image, because `turbo` changes them."""

    name: str
    attention: str = "native"
    compiled: bool = False

    def describe(self) -> dict[str, Any]:
        """Return what a history entry tells of it."""
        return {"speed": self.name, "attention": self.attention, "compiled": self.compiled}


class Model:
    """Encoders apart from what generates: they may live elsewhere and are needed once a prompt.

    Where the GPU is `lent`, nothing is moved before the first image is made, in the process that
    has it.
    """

    def __init__(
        self,
        parts: Mapping[str, Any],
        plan: Plan,
        device: str,
        speed: Speed,
        *,
        lent: bool = False,
    ) -> None:
        from diffusers import FluxImg2ImgPipeline, FluxPipeline

        self.plan, self.device, self.speed = plan, device, speed
        text = {name: parts[name] for name in ENCODERS}
        rest = {"transformer": parts["transformer"], "vae": parts["vae"]}
        nothing = dict.fromkeys(ENCODERS)
        own = type(parts["scheduler"])
        config = parts["scheduler"].config
        # Each pipeline has a scheduler of its own: it keeps where in an image it is.
        clocks = [_watching(own).from_config(config) for _ in range(2)]
        encoder = FluxPipeline(**text, transformer=None, vae=None, scheduler=clocks[0])
        self._pipes = {
            False: FluxPipeline(**nothing, **rest, scheduler=clocks[0]),
            True: FluxImg2ImgPipeline(**nothing, **rest, scheduler=clocks[1]),
        }
        for pipe in (encoder, *self._pipes.values()):
            pipe.set_progress_bar_config(disable=True)
        self._encoder, self._placed = encoder, False
        self.embeddings = Embeddings(encoder, self._text_device)
        if not lent:
            self._place()

    @property
    def _text_device(self) -> str:
        return "cpu" if self.plan.encoders_on_cpu else self.device

    def _place(self) -> None:
        """Put everything where the plan says."""
        encoder, self._placed = self._encoder, True
        self.embeddings.device = self._text_device
        if not self.plan.offload:
            encoder.to(self._text_device)
            self._pipes[False].to(self.device)
            return
        if not self.plan.encoders_on_cpu:
            encoder.enable_model_cpu_offload(device=self.device)
        for pipe in self._pipes.values():
            pipe.enable_model_cpu_offload(device=self.device)

    def describe(self) -> dict[str, Any]:
        """Return what a history entry tells of how it was made."""
        return {"weights": self.plan.summary, **self.speed.describe()}

    def paint(self, order: Order, tell: Tell, stopped: Stopped) -> None:
        """Make one image and tell of every step; blocks until it is done or `stopped`.

        Raises PaintingStoppedError within a step of `stopped`, BackendError when memory is short.
        """
        if not self._placed:
            self.device = machine.device()
            self._place()
        try:
            tell(self._painted(order, tell, stopped))
            return
        except machine.out_of_memory():
            pass  # what it held is released before the second try
        machine.release(self.device)
        try:
            tell(self._painted(order, tell, stopped, tiled=True))
        except machine.out_of_memory() as error:
            machine.release(self.device)
            raise BackendError(
                english(
                    "local-memory-too-small-for-image", size=order.size[0], size2=order.size[1]
                ),
                advice=english("local-choose-smaller-size-or-local"),
            ) from error

    def _painted(
        self, order: Order, tell: Tell, stopped: Stopped, *, tiled: bool = False
    ) -> Finished:
        """Run the pipeline once."""
        tiled = tiled or order.megapixels > TILED_MEGAPIXELS
        vae = self._pipes[False].vae
        (vae.enable_tiling if tiled else vae.disable_tiling)()
        embedded = self.embeddings.of(order.prompt)
        if stopped():
            raise PaintingStoppedError
        pipe = self._pipes[order.image is not None]
        queued = self.device == "cuda"
        after_step = _AfterStep(pipe, order, tell, stopped, queued, machine.fenced(self.device))
        turbo = self.speed.name == "turbo"
        hurry: AbstractContextManager[str] = speed.hurrying(
            pipe.transformer, order.steps_run, wanted=turbo
        )
        try:
            with hurry as skipped:
                call = self._call(order, embedded)
                made = pipe(**call, output_type="pt", callback_on_step_end=after_step).images[0]
                pixels = _pixels(made)
        finally:
            if self.plan.offload:
                pipe.maybe_free_model_hooks()
        told = {"cache": skipped} if skipped else {}
        told |= {"tiled": "yes"} if tiled else {}
        told |= {"prompt_read_until": embedded.read_until} if embedded.read_until else {}
        return Finished(png.encoded(pixels), ran=self.describe() | told)

    def _call(self, order: Order, embedded: Any) -> dict[str, Any]:
        """Return the arguments of the pipeline."""
        import torch

        transformer = self._pipes[False].transformer
        call: dict[str, Any] = {
            "prompt_embeds": embedded.tokens.to(self.device, transformer.dtype),
            "pooled_prompt_embeds": embedded.pooled.to(self.device, transformer.dtype),
            "width": order.size[0],
            "height": order.size[1],
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
            # Noise is drawn on the CPU, so that a seed means the same on every device.
            "generator": torch.Generator("cpu").manual_seed(order.seed),
        }
        pipe = self._pipes[order.image is not None]
        pipe.scheduler.varied = None
        if order.image is not None:
            call["image"] = fitted(order.image, order.size, order.fit)
            call["strength"] = order.strength
            if order.varied:
                pipe.scheduler.varied = functools.partial(noise.of_source, order=order)
        elif order.varied:
            unit = 2 * pipe.vae_scale_factor
            rows, columns = (2 * (side // unit) for side in reversed(order.size))
            shape = (1, transformer.config.in_channels // 4, rows, columns)
            latents = noise.of_words(order, shape, call["prompt_embeds"].dtype)
            call["latents"] = pipe._pack_latents(latents, *shape)
        return call


def _pixels(made: Any) -> Any:
    """Return pixels (height, width, 3) of 8 bits on the CPU from shares (3, height, width).

    Rounded on the device, to the bit as diffusers does on the CPU.
    """
    import torch

    return (made.float() * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


@dataclass(slots=True)
class _AfterStep:
    """What happens after every step: a word on progress, a preview now and then, or the end.

    Where work is `queued`, the next step must be in the queue before this one ends: nothing waits
    for what was queued just now, and a preview is told a step after it was drawn.
    """

    pipe: Any
    order: Order
    tell: Tell
    stopped: Stopped
    queued: bool
    fence: Callable[[], None]
    _last: float = field(default_factory=lambda: time.monotonic() - preview.EVERY_S)
    _coming: Any = None
    """Pixels that are on the CPU once the next fence is passed."""

    def __call__(self, pipe: Any, index: int, _time: Any, _tensors: Any) -> dict[str, Any]:
        """Answer diffusers' callback; it wants a dict of tensors to replace, and gets none."""
        step, total = index + 1, pipe.num_timesteps
        ready, self._coming = self._coming, self._drawn() if step < total else None
        self.fence()
        if self.stopped():
            raise PaintingStoppedError
        self.tell(Running(step / total, step, total))
        if not self.queued:
            ready, self._coming = self._coming, None
        if ready is not None:
            self.tell(Preview(preview.encoded(ready)))
        return {}

    def _drawn(self) -> Any:
        """Return pixels of where the last step leads, or None when it is too early for them."""
        now = time.monotonic()
        if now - self._last < preview.EVERY_S:
            return None
        self._last = now
        import torch

        width, height = self.order.size
        with torch.no_grad():
            packed = self.pipe.scheduler.estimate()
            latents = self.pipe._unpack_latents(packed, height, width, self.pipe.vae_scale_factor)
            return preview.drawn(self.pipe.vae, latents, at_once=not self.queued)


def _watching(scheduler: type[Any]) -> type[Any]:
    """Return that scheduler with a memory of its last step, from which the end is estimated."""

    class Watching(scheduler):  # type: ignore[misc]
        """Steps as before, to the bit; `varied` makes another noise of the one it is given."""

        varied: Callable[[Any], Any] | None = None

        def scale_noise(self, sample: Any, timestep: Any, noise: Any = None) -> Any:
            """Put noise into the latents of a source."""
            if self.varied and noise is not None:
                noise = self.varied(noise)
            return super().scale_noise(sample, timestep, noise)

        def step(self, model_output: Any, timestep: Any, sample: Any, **options: Any) -> Any:
            answer = super().step(model_output, timestep, sample, **options)
            self._seen = (model_output, sample, self.sigmas[self.step_index - 1])
            return answer

        def estimate(self) -> Any:
            """Return x0 = x - sigma * v, the image the last step was heading for."""
            output, sample, sigma = self._seen
            return (sample.float() - sigma.to(sample.device) * output.float()).to(sample.dtype)

    # Configurations name their class; the one of diffusers must stay its name.
    Watching.__name__ = scheduler.__name__
    return Watching
