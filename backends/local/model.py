"""A loaded FLUX model: one set of parts, a pipeline for each task, one picture at a time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from backends.local import machine, preview, speed
from backends.local.embeddings import Embeddings
from backends.local.order import Order, fitted
from backends.local.plan import Plan
from core.errors import BackendError
from core.events import Event, Finished, Preview, Running

Tell = Callable[[Event], None]
Stopped = Callable[[], bool]
ENCODERS = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")
TILED_MEGAPIXELS = 1.5
"""Above this the decoder works in tiles: it needs most of the memory of a picture."""


class PaintingStoppedError(Exception):
    """Raised from within a step to leave the pipeline; nothing is decoded."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How the model is driven; recorded with each picture, because `turbo` changes them."""

    name: str
    attention: str = "native"
    compiled: bool = False

    def describe(self) -> dict[str, Any]:
        """Return what a history entry tells of it."""
        return {"speed": self.name, "attention": self.attention, "compiled": self.compiled}


class Model:
    """Encoders apart from what paints: they may live elsewhere and are needed once a prompt."""

    def __init__(self, parts: Mapping[str, Any], plan: Plan, device: str, speed: Speed) -> None:
        from diffusers import FluxImg2ImgPipeline, FluxPipeline

        self.plan, self.device, self.speed = plan, device, speed
        text = {name: parts[name] for name in ENCODERS}
        rest = {"transformer": parts["transformer"], "vae": parts["vae"]}
        nothing = dict.fromkeys(ENCODERS)
        own = type(parts["scheduler"])
        config = parts["scheduler"].config
        # Each pipeline has a scheduler of its own: it keeps where in a picture it is.
        clocks = [_watching(own).from_config(config) for _ in range(2)]
        encoder = FluxPipeline(**text, transformer=None, vae=None, scheduler=clocks[0])
        self._pipes = {
            False: FluxPipeline(**nothing, **rest, scheduler=clocks[0]),
            True: FluxImg2ImgPipeline(**nothing, **rest, scheduler=clocks[1]),
        }
        for pipe in (encoder, *self._pipes.values()):
            pipe.set_progress_bar_config(disable=True)
        self._place(encoder)
        self.embeddings = Embeddings(encoder, self._text_device)

    @property
    def _text_device(self) -> str:
        return "cpu" if self.plan.encoders_on_cpu else self.device

    def _place(self, encoder: Any) -> None:
        """Put everything where the plan says."""
        if not self.plan.offload:
            encoder.to(self._text_device)
            self._pipes[False].to(self.device)
            return
        encoder.enable_model_cpu_offload(device=self.device)
        for pipe in self._pipes.values():
            pipe.enable_model_cpu_offload(device=self.device)

    def describe(self) -> dict[str, Any]:
        """Return what a history entry tells of how it was made."""
        return {"weights": self.plan.summary, **self.speed.describe()}

    def paint(self, order: Order, tell: Tell, stopped: Stopped) -> None:
        """Make one picture and tell of every step; blocks until it is done or `stopped`.

        Raises PaintingStoppedError within a step of `stopped`, BackendError when memory is short.
        """
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
                f"The memory is too small for an image of {order.size[0]} × {order.size[1]}.",
                advice="Choose a smaller size, or LOCAL_QUANT with fewer bits.",
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
        easel = _Easel(pipe, order, tell, stopped, machine.fenced(self.device))
        turbo = self.speed.name == "turbo"
        hurry: AbstractContextManager[str] = speed.hurrying(
            pipe.transformer, order.steps_run, wanted=turbo
        )
        try:
            with hurry as skipped:
                picture = pipe(**self._call(order, embedded), callback_on_step_end=easel).images[0]
        finally:
            if self.plan.offload:
                pipe.maybe_free_model_hooks()
        file = BytesIO()
        # On a photo's filtered rows, runs are smaller than the matches of level 1, and quicker.
        picture.save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
        told = {"cache": skipped} if skipped else {}
        told |= {"tiled": "yes"} if tiled else {}
        told |= {"prompt_read_until": embedded.read_until} if embedded.read_until else {}
        return Finished(file.getvalue(), ran=self.describe() | told)

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
            # Noise is drawn on the CPU whatever paints, so that a seed means the same everywhere.
            "generator": torch.Generator("cpu").manual_seed(order.seed),
        }
        if order.image is not None:
            call["image"] = fitted(order.image, order.size, order.fit)
            call["strength"] = order.strength
        return call


@dataclass(slots=True)
class _Easel:
    """What happens after every step: a word on progress, a preview now and then, or the end."""

    pipe: Any
    order: Order
    tell: Tell
    stopped: Stopped
    fence: Callable[[], None]
    _last: float = field(default_factory=lambda: time.monotonic() - preview.EVERY_S)

    def __call__(self, pipe: Any, index: int, _time: Any, _tensors: Any) -> dict[str, Any]:
        """Answer diffusers' callback; it wants a dict of tensors to replace, and gets none."""
        self.fence()
        if self.stopped():
            raise PaintingStoppedError
        step, total = index + 1, pipe.num_timesteps
        self.tell(Running(step / total, step, total))
        now = time.monotonic()
        if step < total and now - self._last >= preview.EVERY_S:
            self._last = now
            self.tell(Preview(self._preview()))
        return {}

    def _preview(self) -> bytes:
        import torch

        width, height = self.order.size
        with torch.no_grad():
            packed = self.pipe.scheduler.estimate()
            latents = self.pipe._unpack_latents(packed, height, width, self.pipe.vae_scale_factor)
            return preview.draw(self.pipe.vae, latents)


def _watching(scheduler: type[Any]) -> type[Any]:
    """Return that scheduler with a memory of its last step, from which the end is estimated."""

    class Watching(scheduler):  # type: ignore[misc]
        """Steps as before, to the bit."""

        def step(self, model_output: Any, timestep: Any, sample: Any, **options: Any) -> Any:
            answer = super().step(model_output, timestep, sample, **options)
            self._seen = (model_output, sample, self.sigmas[self.step_index - 1])
            return answer

        def estimate(self) -> Any:
            """Return x0 = x - sigma * v, the picture the last step was heading for."""
            output, sample, sigma = self._seen
            return (sample.float() - sigma.to(sample.device) * output.float()).to(sample.dtype)

    # Configurations name their class; the one of diffusers must stay its name.
    Watching.__name__ = scheduler.__name__
    return Watching
