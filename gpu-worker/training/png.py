"""Pictures as PNG files, without a package for it."""

from __future__ import annotations

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
EIGHT_BIT_RGB = bytes((8, 2, 0, 0, 0))
"""Bit depth, colour type, and the only compression, filter and interlace methods that matter here."""


def png(picture: np.ndarray) -> bytes:
    """Bytes [H, W, 3] as a PNG file; every row is written as its differences to the row above."""
    height, width, _ = picture.shape
    above = np.concatenate((np.zeros((1, width, 3), np.uint8), picture[:-1]))
    rows = (picture - above).reshape(height, width * 3)
    filtered = np.concatenate((np.full((height, 1), 2, np.uint8), rows), 1)
    parts = ((b"IHDR", struct.pack(">II", width, height) + EIGHT_BIT_RGB), (b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
