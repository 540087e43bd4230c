"""Several processes of one thread each train one network together by averaging their gradients.

On a machine that others use too this beats one process of several threads, which wait for each other inside every layer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch import nn


class Exchange:
    """This process among `count`; alone it does nothing."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    def average(self, parameters: Iterable[nn.Parameter], progress: float) -> float:
        """Averages the gradients over all processes and returns the first one's `progress`, so that all end together."""
        if self.count == 1:
            return progress
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        own = torch.tensor([progress if self.rank == 0 else 0.0])
        flat = torch.cat([own, *(gradient.reshape(-1) for gradient in gradients)])
        dist.all_reduce(flat)
        place = 1
        for gradient in gradients:
            gradient.copy_((flat[place : place + gradient.numel()] / self.count).view(gradient.shape))
            place += gradient.numel()
        return float(flat[0])


def _start(rank: int, count: int, meeting: str, work: Callable[[Exchange], None]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    work(Exchange(rank, count))
    dist.destroy_process_group()


def together(count: int, work: Callable[[Exchange], None]) -> None:
    """Runs `work` in `count` processes, or here when that is one."""
    if count == 1:
        work(Exchange())
        return
    with tempfile.TemporaryDirectory() as folder:
        processes.spawn(_start, (count, str(Path(folder) / "meeting"), work), nprocs=count)


