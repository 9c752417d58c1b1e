"""The Compare tab: one request over backends and values, made, watched, looked at and judged."""
