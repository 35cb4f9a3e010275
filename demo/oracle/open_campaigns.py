"""Campaigns that run or begin after the as-of day: part of the law of the year ahead.

Who is treated is known for a campaign that has begun; for a later one it is drawn, with the share that it will treat.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.oracle.histories import Histories
from demo.world.clocks import Clock
from demo.world.laws import Campaign, World
from demo.world.paths import Walkers, by_class
from demo.world.streams import stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class OpenCampaign:
    """A working campaign that is not over, its days ahead, and which draws it treats (rows, draws)."""

    campaign: Campaign
    start: float
    end: float
    is_treated: NDArray[np.bool_]

    def exposure(self, clock: Clock, moment: float) -> float:
        """Time on a clock that the campaign has run by a moment."""
        edges = clock.at(np.array([self.start, np.clip(moment, self.start, self.end)]))
        return float(edges[1] - edges[0])

    def runs_at(self, moment: float) -> bool:
        """Whether the campaign runs at a moment."""
        return self.start <= moment < self.end


def open_campaigns(world: World, seen: Histories, draws: int, seed: int) -> list[OpenCampaign]:
    """The working campaigns of a world that end after the as-of day."""
    result = []
    for number, campaign in enumerate(world.campaigns):
        if campaign.lift and campaign.end_day > seen.as_of_day:
            if campaign.start_day < seen.as_of_day:
                is_treated = np.repeat(seen.treated[number][:, None], draws, axis=1)
            else:
                chance = campaign.reach * campaign.treated_share
                is_treated = stream(seed, f"oracle campaign {number}").random((len(seen.person), draws)) < chance
            start = max(float(campaign.start_day), seen.as_of_day)
            result.append(OpenCampaign(campaign, start, float(campaign.end_day), is_treated))
    return result


def extra_purchases(
    world: World, walkers: Walkers, left_at: Floats, running: list[OpenCampaign], *, end_day: float, seed: int
) -> tuple[Ints, Floats]:
    """Walker and time of each purchase that the open campaigns will cause."""
    found: list[tuple[Ints, Floats]] = [(np.empty(0, dtype=np.int64), np.empty(0))]
    responses = np.array([latent.campaign_response for latent in world.classes])
    for opened in running:
        rng = stream(seed, f"oracle extra {opened.campaign.code}")
        treated = np.flatnonzero(opened.is_treated.ravel() & (left_at > opened.start))
        latent_class = walkers.latent_class[treated]
        end = np.minimum(left_at[treated], min(opened.end, end_day))
        opening = by_class(world, latent_class, "purchase", False, np.full(len(treated), opened.start))
        length = by_class(world, latent_class, "purchase", False, end) - opening
        mean = walkers.rate[treated] / 7 * opened.campaign.lift * responses[latent_class] * np.maximum(length, 0.0)
        row = np.repeat(np.arange(len(treated)), rng.poisson(mean))
        elapsed = opening[row] + length[row] * rng.random(len(row))
        found.append((treated[row], by_class(world, latent_class[row], "purchase", True, elapsed)))
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])
