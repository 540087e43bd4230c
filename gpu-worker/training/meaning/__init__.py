"""The default embedding: the picture model's text encoder in the folder layout of sentence transformers."""
