"""The theme: warm neutral paper, one deep green accent, the image as the only colour."""

from __future__ import annotations

from typing import Any

import gradio as gr

PAPER = gr.themes.Color(
    name="paper",
    c50="#faf9f6",
    c100="#f3f1ec",
    c200="#e6e2da",
    c300="#d3cdc1",
    c400="#958d7e",
    c500="#6e675b",
    c600="#59534a",
    c700="#433f38",
    c800="#2a2824",
    c900="#1d1c19",
    c950="#141311",
)
MOSS = gr.themes.Color(
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


COLOURS = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "body_text_color": ("*neutral_900", "*neutral_100"),
    "body_text_color_subdued": ("*neutral_500", "*neutral_400"),
    "background_fill_primary": ("white", "*neutral_900"),
    "background_fill_secondary": ("*neutral_100", "*neutral_900"),
    "block_background_fill": ("transparent", "transparent"),
    "block_border_color": ("*neutral_200", "*neutral_800"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("*neutral_600", "*neutral_300"),
    "block_title_text_color": ("*neutral_800", "*neutral_100"),
    "block_info_text_color": ("*neutral_500", "*neutral_400"),
    "border_color_primary": ("*neutral_200", "*neutral_800"),
    "color_accent_soft": ("*primary_100", "*primary_900"),
    "error_background_fill": ("#fdf0ee", "#351a17"),
    "error_border_color": ("#b3261e", "#e5796f"),
    "error_text_color": ("#5f1510", "#ffd9d3"),
    "input_background_fill": ("white", "*neutral_900"),
    "checkbox_border_color": ("*neutral_400", "*neutral_500"),
    "input_border_color": ("*neutral_400", "*neutral_500"),
    "input_border_color_focus": ("*primary_500", "*primary_400"),
    "input_placeholder_color": ("*neutral_500", "*neutral_400"),
    "button_primary_background_fill": ("*primary_600", "*primary_600"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_700"),
    "button_primary_border_color": ("transparent", "transparent"),
    "button_primary_text_color": ("white", "white"),
    "button_secondary_background_fill": ("transparent", "transparent"),
    "button_secondary_background_fill_hover": ("*neutral_200", "*neutral_800"),
    "button_secondary_text_color": ("*neutral_800", "*neutral_100"),
    "button_secondary_border_color": ("*neutral_300", "*neutral_700"),
    "link_text_color": ("*primary_600", "*primary_300"),
    "slider_color": ("*primary_500", "*primary_400"),
}
"""Each colour in light and in dark; text and its ground meet WCAG AA in both."""


def theme() -> Any:
    """Return the theme."""
    base = gr.themes.Base(
        primary_hue=MOSS,
        secondary_hue=MOSS,
        neutral_hue=PAPER,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
    )
    chosen = {name: light for name, (light, _) in COLOURS.items()}
    chosen |= {f"{name}_dark": dark for name, (_, dark) in COLOURS.items()}
    return base.set(
        **chosen,
        block_title_text_weight="600",
        block_border_width="0px",
        block_label_border_width="0px",
        block_padding="0px",
        block_shadow="none",
        button_border_width="1px",
        button_small_radius="8px",
        button_small_text_size="13px",
        button_small_text_weight="500",
        button_large_radius="8px",
        form_gap_width="0px",
        input_border_width="1px",
        input_radius="8px",
        layout_gap="12px",
    )
