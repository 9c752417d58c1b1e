"""Makes the miniature: a tiny FLUX trained from nothing on the sandbox painter's scenes."""
