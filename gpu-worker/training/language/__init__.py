"""The default word model: a small decoder that improves prompts, names what they show and goes on with texts."""
