"""Sky, light and weather: what every landscape starts and ends with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .canvas import Canvas

# Sky colours from the top of the picture to the horizon, 0..255.
_TOP = {"day": (44, 116, 208), "sunset": (66, 34, 96), "sunrise": (108, 150, 208), "dusk": (24, 26, 74), "night": (4, 7, 24)}
_HIGH = {"day": (92, 164, 236), "sunset": (190, 52, 96), "sunrise": (186, 184, 214), "dusk": (66, 52, 120), "night": (10, 16, 46)}
_LOW = {"day": (158, 206, 246), "sunset": (248, 120, 62), "sunrise": (250, 206, 190), "dusk": (146, 88, 146), "night": (20, 28, 70)}
_HORIZON = {"day": (216, 236, 250), "sunset": (255, 178, 72), "sunrise": (255, 230, 176), "dusk": (226, 142, 150), "night": (38, 48, 100)}
_LIGHT = {"day": (255, 253, 232), "sunset": (255, 228, 130), "sunrise": (255, 246, 196), "dusk": (240, 236, 220), "night": (244, 244, 232)}
_TINT = {"day": (1.0, 1.0, 1.0), "sunset": (0.86, 0.56, 0.5), "sunrise": (0.95, 0.82, 0.78), "dusk": (0.48, 0.42, 0.62), "night": (0.25, 0.29, 0.48)}


def _unit(table: dict[str, tuple[int, ...]]) -> dict[str, tuple[float, ...]]:
    return {time: tuple(part / 255.0 for part in colour) for time, colour in table.items()}


class Sky:
    """The painted sky's horizon height [B, 1, 1], its light's place and the colours that tint what stands below."""

    def __init__(self, canvas: Canvas, horizon: Tensor, low_light: bool = True) -> None:
        self.canvas = canvas
        self.horizon = horizon
        self.haze = canvas.by_time(_unit(_HORIZON))
        self.tint = canvas.by_time(_TINT)
        self.light = canvas.by_time(_unit(_LIGHT))
        self.stormy = canvas.facts(lambda scene: scene.weather == "storm")[:, None, None]
        self.rainy = canvas.facts(lambda scene: scene.weather in ("rain", "storm"))[:, None, None]
        self.dull = canvas.facts(lambda scene: scene.weather in ("rain", "snow", "fog", "storm"))[:, None, None]
        self._gradient()
        self._stars()
        self._place_light(low_light)
        self._paint_light()
        self._clouds()
        self._storm()

    def _gradient(self) -> None:
        c = self.canvas
        where = (c.y / self.horizon.clamp(min=0.05)).clamp(0.0, 1.0) * 3.0
        stops = [c.by_time(_unit(table)) for table in (_TOP, _HIGH, _LOW, _HORIZON)]
        jitter = c.uniform(-0.025, 0.025, 3)
        stops = [stop + jitter for stop in stops]
        for place, stop in enumerate(stops):
            weight = (1.0 - (where - place).abs()).clamp(min=0.0)
            c.image = c.image + stop[:, :, None, None] * weight[:, None]
        self.haze = stops[3]
        grey = c.image.mean(1, keepdim=True) * torch.tensor([0.92, 0.97, 1.04], device=c.device)[None, :, None, None]
        c.image = torch.lerp(c.image, grey.expand_as(c.image), (self.dull * 0.55)[:, None].expand_as(c.image))
        c.image = c.image * (1.0 - 0.22 * self.rainy[:, None])
        self.haze = self.haze * (1.0 - 0.22 * self.rainy[:, :, 0])

    def _stars(self) -> None:
        c = self.canvas
        dark = c.by_time({"day": (0.0,), "sunset": (0.0,), "sunrise": (0.0,), "dusk": (0.25,), "night": (1.0,)})[:, :, None]
        kernel = torch.tensor([[0.35, 0.8, 0.35], [0.8, 1.0, 0.8], [0.35, 0.8, 0.35]], device=c.device)[None, None]
        stars = F.conv2d(c.dots(0.0006)[:, None].pow(2), kernel, padding=1)[:, 0].clamp(max=1.0)
        clear = c.facts(lambda scene: scene.weather == "clear")[:, None, None]
        c.glow(stars * dark * clear * (1.15 - c.y / self.horizon).clamp(0.0, 1.0), torch.ones(c.batch, 3, device=c.device))

    def _place_light(self, low_light: bool) -> None:
        c = self.canvas
        low = c.facts(lambda scene: scene.time in ("sunset", "sunrise"))[:, None, None]
        self.light_x = c.uniform(0.15, 0.85)
        high_y = c.uniform(0.08, 0.26)
        low_y = self.horizon - (c.uniform(0.02, 0.14) if low_light else c.uniform(0.08, 0.2))
        self.light_y = torch.where(low > 0, low_y, high_y)
        moon = c.facts(lambda scene: scene.get("moon", "none") != "none")[:, None, None]
        shown = c.uniform(0.0, 1.0) < 0.75
        daylit = c.facts(lambda scene: scene.time in ("day", "sunset", "sunrise"))[:, None, None]
        self.shown = torch.where(daylit > 0, (shown & (self.dull < 0.5)).float(), moon)
        self.radius = torch.where(low > 0, c.uniform(0.05, 0.075), c.uniform(0.03, 0.05))

    def _paint_light(self) -> None:
        c = self.canvas
        distance = ((c.x - self.light_x).square() + (c.y - self.light_y).square()).sqrt()
        halo = torch.exp(-distance / (self.radius * 1.6)) * 0.5 + torch.exp(-distance / 0.25) * 0.22
        c.glow(halo * self.shown * 0.75, self.light)
        disc = c.disc(self.light_x, self.light_y, self.radius)
        crescent = c.facts(lambda scene: scene.get("moon", "none") == "crescent")[:, None, None]
        bite = c.disc(self.light_x + 0.45 * self.radius, self.light_y - 0.2 * self.radius, self.radius * 0.92)
        c.blend(disc * (1.0 - crescent * bite) * self.shown, self.light)

    def _clouds(self) -> None:
        c = self.canvas
        cloudy = c.facts(lambda scene: scene.weather == "cloudy")[:, None, None]
        some = (c.uniform(0.0, 1.0) < 0.2).float() * c.facts(lambda scene: scene.time != "night")[:, None, None]
        amount = torch.maximum(cloudy, 0.55 * some)
        shape = c.noise(7, 3, 4) - 0.25 * (c.y / self.horizon - 0.45).abs()
        mask = ((shape - 0.62 + 0.14 * amount) * 9.0).clamp(0.0, 1.0) * (amount > 0) * (0.5 + 0.4 * amount)
        white = torch.ones(c.batch, 3, device=c.device)
        bright = c.by_time({"day": (0.95,), "sunset": (0.45,), "sunrise": (0.75,), "dusk": (0.25,), "night": (0.07,)})
        c.blend(mask * 0.85, (self.haze * 0.6 + 0.4 * white * bright) * (0.75 + 0.25 * bright) + 0.25 * bright * white)

    def _storm(self) -> None:
        """Dark heavy clouds and one bolt of lightning that lights them."""
        c = self.canvas
        if not bool(self.stormy.any()):
            return
        heavy = (c.noise(4, 2, 4) * 1.5 - 0.2).clamp(0.0, 1.0) * (1.1 - c.y / self.horizon).clamp(0.0, 1.0)
        c.blend((0.35 + 0.6 * heavy) * self.stormy, self.haze * 0.12 + torch.tensor([0.06, 0.07, 0.1], device=c.device))
        x = c.uniform(0.2, 0.8) + 0.22 * (c.ridge(5, 4, False).transpose(1, 2) - 0.5)
        away = (c.x - x).abs()
        fall = (1.0 - c.below(self.horizon)) * self.stormy
        white = torch.tensor([0.86, 0.88, 1.0], device=c.device).expand(c.batch, 3)
        c.glow(0.4 * torch.exp(-away / 0.08) * fall, white)
        c.blend(c.cover(away - 0.006) * fall, white)

    def lit(self, colour: Tensor, distance: float | Tensor = 0.0) -> Tensor:
        """A ground colour [B, 3] as this light shows it; `distance` 0..1 fades it into the haze."""
        seen = colour * self.tint
        return seen + (self.haze - seen) * distance

    def water(self, level: Tensor, mask: Tensor | None = None) -> None:
        """Mirrors what is painted above `level` [B, 1, 1] into rippled water below it."""
        c = self.canvas
        depth = (c.y - level).clamp(min=0.0)
        ripple = (c.noise(90, 5, 1) - 0.5) * (0.01 + 0.1 * depth)
        source_y = (level - depth + ripple * 1.2).clamp(0.0, 1.0).expand(c.batch, c.size, c.size)
        source_x = (c.x + ripple * 0.5).expand(c.batch, c.size, c.size)
        grid = torch.stack((source_x, source_y), -1) * 2.0 - 1.0
        mirrored = F.grid_sample(c.image, grid, mode="bilinear", padding_mode="border", align_corners=False)
        blue = c.by_time({"day": (0.12, 0.36, 0.62), "sunset": (0.4, 0.14, 0.3), "sunrise": (0.5, 0.5, 0.62), "dusk": (0.14, 0.13, 0.32), "night": (0.02, 0.04, 0.14)})
        surface = mirrored * 0.62 + 0.3 * blue[:, :, None, None]
        surface = surface * (0.94 + 0.9 * (c.noise(110, 6, 1) - 0.5) * (0.1 + depth))[:, None]
        under = c.below(level) if mask is None else c.below(level) * mask
        c.blend(under, surface)
        self._glitter(level, under, depth)

    def _glitter(self, level: Tensor, under: Tensor, depth: Tensor) -> None:
        c = self.canvas
        spread = torch.exp(-((c.x - self.light_x) / (0.025 + 0.11 * depth)).square())
        waves = ((c.noise(80, 9, 1) - 0.45) * 5.0).clamp(0.0, 1.0)
        c.blend(spread * waves * under * self.shown * 0.85, self.light)

    def weather(self) -> None:
        """Fog, rain and falling snow over the finished picture."""
        c = self.canvas
        foggy = c.facts(lambda scene: scene.weather == "fog")[:, None, None]
        pale = self.haze * 0.75 + 0.25 * self.haze.mean(1, keepdim=True)
        thick = (0.35 + 0.75 * (c.y - self.horizon + 0.35).clamp(0.0, 0.45)) * (0.7 + 0.6 * c.noise(4, 2, 2))
        c.blend((foggy * thick).clamp(0.0, 0.85), pale)
        if bool(self.rainy.any()):
            drops = c.dots(0.0016)
            streaks = drops
            for step in range(1, 26):
                streaks = torch.maximum(streaks, torch.roll(drops, (step, -(step // 4)), (1, 2)))
            c.blend(F.max_pool2d(streaks[:, None], (1, 2), 1, (0, 1))[:, 0, :, : c.size] * self.rainy * 0.5, pale * 0.5 + 0.4)
        snowing = c.facts(lambda scene: scene.weather == "snow")[:, None, None]
        if bool(snowing.any()):
            small = F.max_pool2d(c.dots(0.0014)[:, None], 3, 1, 1)[:, 0]
            large = F.max_pool2d(c.dots(0.0005)[:, None], 5, 1, 2)[:, 0]
            c.blend((small * 0.7 + large).clamp(max=1.0) * snowing * 0.9, torch.full((c.batch, 3), 0.95, device=c.device))


def turn(angle: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Turns a point by `angle` radians."""
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return x * cosine + y * sine, y * cosine - x * sine

