"""Campaigns with a randomised control arm, and both potential outcomes of each person in the audience.

In the campaign's days and while alive, a treated customer makes extra purchases at rate * lift * response of the class;
they carry the campaign's number and no service failure. What the customer would have bought anyway is the same in both
arms, and no customer leaves earlier or later because of a campaign.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.world.laws import Campaign, World
from demo.world.paths import by_class
from demo.world.streams import stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Audience:
    """One row per campaign and person in its audience, sorted by (campaign, person)."""

    campaign: NDArray[np.int16]
    person: Ints
    is_treated: NDArray[np.bool_]
    purchases_if_treated: NDArray[np.int32]
    purchases_if_control: NDArray[np.int32]
    sales_if_treated: Ints  # cents without tax
    sales_if_control: Ints


@dataclass(frozen=True)
class Extra:
    """Purchases caused by campaigns, in the treated arm."""

    person: Ints
    at: Floats
    net_cents: Ints
    campaign: NDArray[np.int16]


@dataclass(frozen=True)
class Base:
    """The state before campaigns: the persons and the purchases that they make without any campaign."""

    latent_class: NDArray[np.int8]
    rate: Floats
    spend_rate: Floats  # nu of the Gamma-Gamma law
    first_seen: Floats  # first purchase within the window; inf if none
    left_at: Floats
    person: Ints
    at: Floats
    net_cents: Ints


def cents(rng: np.random.Generator, shape: float, spend_rate: Floats) -> Ints:
    """Order values in cents, at least one cent: Gamma(shape, rate=spend_rate) dollars."""
    return np.maximum(np.rint(100 * rng.standard_gamma(shape, len(spend_rate)) / spend_rate), 1).astype(np.int64)


def run_campaigns(world: World, base: Base, seed: int) -> tuple[Audience, Extra]:
    """Draw audiences, arms and outcomes of all campaigns of a world."""
    parts = [_run_campaign(world, base, number, campaign, seed) for number, campaign in enumerate(world.campaigns)]
    audiences, extras = [part[0] for part in parts], [part[1] for part in parts]
    return (
        Audience(*(np.concatenate([getattr(a, name) for a in audiences]) for name in Audience.__dataclass_fields__)),
        Extra(*(np.concatenate([getattr(e, name) for e in extras]) for name in Extra.__dataclass_fields__)),
    )


def _run_campaign(world: World, base: Base, number: int, campaign: Campaign, seed: int) -> tuple[Audience, Extra]:
    n = len(base.rate)
    rng = stream(seed, f"campaign {number}")
    person = np.flatnonzero((rng.random(n) < campaign.reach) & (base.first_seen < campaign.start_day))
    is_treated = rng.random(len(person)) < campaign.treated_share
    row, at = _extra_times(world, base, campaign, person, rng)
    net_cents = cents(rng, world.order_shape, base.spend_rate[person[row]])
    in_window = (base.at >= campaign.start_day) & (base.at < campaign.end_day)
    buyer, sales = base.person[in_window], base.net_cents[in_window]
    control_purchases = np.bincount(buyer, minlength=n)[person]
    control_sales = np.rint(np.bincount(buyer, weights=sales, minlength=n)[person]).astype(np.int64)
    extra_sales = np.rint(np.bincount(row, weights=net_cents, minlength=len(person))).astype(np.int64)
    audience = Audience(
        np.full(len(person), number, dtype=np.int16),
        person,
        is_treated,
        (control_purchases + np.bincount(row, minlength=len(person))).astype(np.int32),
        control_purchases.astype(np.int32),
        control_sales + extra_sales,
        control_sales,
    )
    kept = is_treated[row]
    caused = np.full(int(kept.sum()), number, dtype=np.int16)
    return audience, Extra(person[row][kept], at[kept], net_cents[kept], caused)


def _extra_times(
    world: World, base: Base, campaign: Campaign, person: Ints, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Row of the audience and time of each extra purchase if treated."""
    latent_class = base.latent_class[person]
    end = np.clip(base.left_at[person], campaign.start_day, campaign.end_day)
    opening = by_class(world, latent_class, "purchase", False, np.full(len(person), float(campaign.start_day)))
    length = by_class(world, latent_class, "purchase", False, end) - opening
    response = campaign.lift * np.array([latent.campaign_response for latent in world.classes])[latent_class]
    row = np.repeat(np.arange(len(person)), rng.poisson(base.rate[person] / 7 * response * length))
    elapsed = opening[row] + length[row] * rng.random(len(row))
    return row, by_class(world, latent_class[row], "purchase", True, elapsed)
