"""How it looks; the only place that imports Gradio."""

from ui.server.gradio_patches.type_stubs import without_stubs

with without_stubs():
    import gradio  # noqa: F401
