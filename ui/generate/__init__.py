"""The tabs that make images: their layout, forms, handlers and queue."""
