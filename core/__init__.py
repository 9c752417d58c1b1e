"""What the program means; knows neither Gradio nor HTTP nor torch."""
