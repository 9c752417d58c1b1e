"""Makes what lies in assets."""
