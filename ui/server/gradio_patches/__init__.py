"""All that relies on what Gradio does not document: one file a purpose, each checked at the start.

Nothing else in `ui/` may touch Gradio's inner modules and attributes. Each file says what it keeps
away, and in its `PROMISES` what of Gradio it relies on; `check.py` tries them on the page that is
about to be served.
"""
