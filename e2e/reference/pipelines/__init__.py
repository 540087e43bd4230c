"""Tiny Stable Diffusion pipelines with random weights, and what Python diffusers draws with them."""
