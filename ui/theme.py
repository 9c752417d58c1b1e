"""The theme: warm neutral paper, one deep green accent, the picture as the only colour."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.themes import Color

PAPER = Color(
    name="paper",
    c50="#faf9f6",
    c100="#f3f1ec",
    c200="#e6e2da",
    c300="#d3cdc1",
    c400="#a49c8d",
    c500="#756e61",
    c600="#59534a",
    c700="#433f38",
    c800="#2a2824",
    c900="#1d1c19",
    c950="#141311",
)
MOSS = Color(
    name="moss",
    c50="#eef6f3",
    c100="#d5eae2",
    c200="#aed5c7",
    c300="#7dbaa6",
    c400="#4c9a83",
    c500="#2c7d67",
    c600="#1f6654",
    c700="#1a5244",
    c800="#174238",
    c900="#13362e",
    c950="#0a1f1a",
)


def theme() -> Any:
    """Return the theme; every colour pair in it meets WCAG AA in light and dark."""
    base = gr.themes.Base(
        primary_hue=MOSS,
        secondary_hue=MOSS,
        neutral_hue=PAPER,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_text_weight="600",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        block_shadow="none",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_100",
        slider_color="*primary_500",
        slider_color_dark="*primary_400",
    )
