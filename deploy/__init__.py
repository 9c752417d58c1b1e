"""Serves a backend to others: the OpenAI images API in front, Ray Serve behind it."""
