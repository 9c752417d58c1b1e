"""Puts the playground on a Hugging Face Space: builds its folder, checks it, publishes it."""
