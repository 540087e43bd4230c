"""The judge's training, on pictures drawn from seeds that nothing else uses."""

from __future__ import annotations

import torch

from .data import draw_shards, labels, load_shards, to_unit
from .judge import Judge, judge_loss, shrink
from .log import save_atomically
from .run import JUDGED_SEED, Clock, Run, schedule, seed_step, set_rate

RATE = 1e-3
BATCH = 128


def train_judge(run: Run) -> Judge:
    """The judge, trained where it is not there yet."""
    torch.manual_seed(run.seed + JUDGED_SEED)
    judge, path, preset = Judge().to(run.device), run.folder / "judge.pt", run.preset
    if path.exists():
        judge.load_state_dict(torch.load(path, map_location=run.device))
        return judge.eval()
    draw_shards(run.folder / "judged", preset.judge_pictures, preset.draw_batch, run.seed + JUDGED_SEED, True, run.device)
    scenes, pictures = load_shards(run.folder / "judged")
    answers = [part.to(run.device) for part in labels(scenes)]
    small = torch.cat([shrink(to_unit(part.to(run.device))) for part in pictures.split(256)])
    optimizer = run.optimizer(judge.parameters(), RATE)
    clock = Clock(preset.judge)
    while clock.progress < 1.0:
        seed_step(run.seed + JUDGED_SEED, clock.step)
        set_rate(optimizer, RATE * schedule(clock.progress))
        chosen = torch.randint(0, len(small), (BATCH,), device=run.device)
        loss = judge_loss(judge, small[chosen], *(part[chosen] for part in answers))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        clock.step += 1
        if clock.due("tell", 30.0):
            run.log.line("judge", clock.progress, clock.elapsed_s, step=clock.step, loss=float(loss.detach()))
    run.log.line("judge end", step=clock.step, loss=float(loss.detach()))
    save_atomically(judge.state_dict(), path)
    return judge.eval()
