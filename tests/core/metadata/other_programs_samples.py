"""What other programs write into their images."""

from __future__ import annotations

from typing import Any

A1111 = """a fox, (golden hour:1.2)
in snow
Negative prompt: blurry,
low quality
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, \
Model hash: 6ce0161689, Model: v1-5-pruned, Denoising strength: 0.4, \
Lora hashes: "castle: deadbeef, tower: 1234", Version: v1.10.1"""
FORGE = """a fox
Steps: 30, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, \
Seed: 42, Size: 896x1152, Model: flux1-dev-bnb-nf4-v2, Version: f2.0.1v1.10.1"""
SWARM = {
    "prompt": "a photo of a cat",
    "negativeprompt": "dog",
    "model": "flux1-dev",
    "seed": 1,
    "steps": 20,
    "cfgscale": 1.0,
    "fluxguidancescale": 3.5,
    "width": 1024,
    "height": 832,
    "initimagecreativity": 0.6,
    "swarm_version": "0.9.3.1",
}
FOOOCUS = {
    "base_model": "juggernautXL_v8Rundiffusion",
    "guidance_scale": 4,
    "metadata_scheme": "fooocus",
    "negative_prompt": "",
    "performance": "Speed",
    "prompt": "a cat",
    "resolution": "(1152, 896)",
    "seed": "8484729340",
    "steps": 30,
    "styles": "['Fooocus V2']",
    "version": "Fooocus v2.5.5",
}
INVOKE = {
    "app_version": "5.6.0",
    "generation_mode": "flux_txt2img",
    "positive_prompt": "a cat",
    "width": 1024,
    "height": 1024,
    "seed": 7,
    "steps": 30,
    "guidance": 4.0,
    "model": {"name": "FLUX.1 dev", "base": "flux"},
}
NOVELAI = {
    "prompt": "1girl, fox ears",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "uc": "lowres",
    "seed": 3_000_000_000,
    "strength": 0.7,
    "sampler": "k_euler",
}
DRAW_THINGS = {
    "c": 'a cat & a "dog"',
    "uc": "",
    "model": "flux_1_dev_q8p.ckpt",
    "sampler": "Euler A Trailing",
    "scale": 3.5,
    "seed": 99,
    "size": "768x1024",
    "steps": 8,
    "strength": 1,
}
COMFY: dict[str, Any] = {
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["50", 0], "clip": ["11", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "ugly", "clip": ["11", 0]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["13", 0]}},
    "11": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "t5xxl.safetensors"}},
    "12": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
    "13": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["25", 0],
            "guider": ["22", 0],
            "sampler": ["16", 0],
            "sigmas": ["17", 0],
            "latent_image": ["27", 0],
        },
    },
    "16": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "17": {
        "class_type": "BasicScheduler",
        "inputs": {"scheduler": "simple", "steps": 24, "denoise": 0.55, "model": ["12", 0]},
    },
    "22": {"class_type": "BasicGuider", "inputs": {"model": ["12", 0], "conditioning": ["26", 0]}},
    "25": {"class_type": "RandomNoise", "inputs": {"noise_seed": 219670278747233}},
    "26": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
    "27": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1280, "height": 720}},
    "50": {"class_type": "PrimitiveString", "inputs": {"value": "a cat in a hat"}},
}
KSAMPLER: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5,
            "steps": 20,
            "cfg": 8,
            "denoise": 1,
            "negative": ["7", 0],
            "positive": ["6", 0],
            "latent_image": ["5", 0],
        },
    },
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark"}},
}
