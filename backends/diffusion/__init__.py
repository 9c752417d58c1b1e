"""FLUX through diffusers on this machine: what `backends/local/__init__.py` is made of.

torch and diffusers are imported inside functions only: the page must be up long before them.
"""
