"""Numbers that sets of pictures [N, 3, H, W] in -1..1 have in common or apart: distance, sharpness, difference."""

from __future__ import annotations

import numpy as np


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance between the Gaussians through two sets of features [N, c], [M, c].

    With means m and covariances C it is |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2), as Heusel and others
    (2017) measure generated pictures.
    """
    root = _root(np.cov(first, rowvar=False))
    cross = _root(root @ np.cov(second, rowvar=False) @ root)
    apart = np.square(first.mean(0) - second.mean(0)).sum()
    return float(apart + np.trace(np.cov(first, rowvar=False)) + np.trace(np.cov(second, rowvar=False)) - 2.0 * np.trace(cross))


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric root of a symmetric matrix without negative eigenvalues, rounding apart."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T


def sharpness(pictures: np.ndarray) -> float:
    """Mean absolute Laplacian of the brightness."""
    grey = pictures.mean(1)
    inner = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return float(np.abs(around - 4.0 * inner).mean())


def mean_difference(pictures: np.ndarray) -> float:
    """Mean absolute difference between every two of the pictures."""
    pairs = [(first, second) for first in range(len(pictures)) for second in range(first)]
    return float(np.mean([np.abs(pictures[first] - pictures[second]).mean() for first, second in pairs]))
