"""The judge's training, on pictures drawn from seeds that nothing else uses."""

from __future__ import annotations

from pathlib import Path

import torch

from .data import draw_shards, drawn_world, labels, load_shards, to_unit
from .judge import Judge, judge_loss, shrink
from .log import save_atomically
from .run import JUDGED_SEED, Clock, Run, schedule, seed_step, set_rate

JUDGE = "judge.pt"
RATE = 1e-3
BATCH = 128


def train_judge(run: Run) -> Judge:
    """The judge, trained where there is none of the world as it is drawn now."""
    torch.manual_seed(run.seed + JUDGED_SEED)
    judge, preset, world = Judge().to(run.device), run.preset, drawn_world()
    state = torch.load(run.folder / JUDGE, map_location=run.device) if (run.folder / JUDGE).exists() else None
    if state and state.get("world") == world:
        judge.load_state_dict(state["judge"])
        return judge.eval()
    shards = run.folder / f"judged-{world[:8]}"
    draw_shards(shards, preset.judge_pictures, preset.draw_batch, run.seed + JUDGED_SEED, True, run.device)
    scenes, pictures = load_shards(shards)
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
    save_atomically({"judge": judge.state_dict(), "world": world}, run.folder / JUDGE)
    return judge.eval()


def load_judge(folder: Path) -> Judge:
    """The judge of the run in `folder`.

    Raises:
        ValueError: it learned from pictures of another drawn world, and would judge what it never saw.
    """
    state, judge = torch.load(folder / JUDGE, map_location="cpu"), Judge()
    if state.get("world") != drawn_world():
        raise ValueError(f"{folder / JUDGE} learned from another drawn world; train it again with --stage judge")
    judge.load_state_dict(state["judge"])
    return judge.eval()
