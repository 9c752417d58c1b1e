"""The web server around the page: who asks, from where, with which host, and what may pass."""
