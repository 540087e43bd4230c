"""The colours that captions name, as the brush lays them."""

from __future__ import annotations

PAINTS = {
    "red": (220, 38, 38), "orange": (245, 130, 32), "yellow": (250, 208, 44), "green": (46, 158, 68), "blue": (44, 92, 214),
    "purple": (130, 62, 190), "pink": (246, 128, 180), "white": (246, 246, 242), "grey": (134, 138, 144), "brown": (128, 80, 48),
    "black": (24, 24, 28), "teal": (26, 160, 158),
}
