"""How it looks; the only place that imports Gradio."""
