"""Uplift lists: what those at the top truly gain, and that no list is made where nobody gains."""

import numpy as np
import pandas as pd

from demo.proof.row import Row, does_not_apply, judged, not_yet, refused
from demo.proof.trial import Trial
from demo.world.worlds import get_world

TABLE = "marts.campaign_uplift"
DEPTHS = (0.1, 0.2, 0.3)
EARNED = {depth: f"uplift: earned above random at {depth:.0%} depth" for depth in DEPTHS}
FALSE_LISTS = "uplift: lists without effect"
LOWEST = 0.5
WINDOW_DAYS = 28

# What a campaign right after the release would add, but for the season and the campaign's lift: the rate of a person,
# while alive, times the response of its class. Of several customers of one person the best rank counts.
LISTED = """
    select
        uplift.campaign_id,
        persons.person_id,
        persons.latent_class,
        persons.rate_per_week / 7 * least(
            $days, greatest(0, date_diff('second', $end, coalesce(persons.left_at, $end + to_days(cast($days as int))))
            / 86400.0)
        ) as purchases,
        min(uplift.uplift_rank) as place
    from published.marts.campaign_uplift as uplift
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    group by all
    order by uplift.campaign_id, place, persons.person_id
"""


def lists(trial: Trial) -> pd.DataFrame | None:
    """Return the persons of each published list in its order, with what they truly gain; None without the mart."""
    if not trial.has(TABLE):
        return None
    frame = trial.query(LISTED, {"days": WINDOW_DAYS, "end": trial.end})
    world = get_world(trial.world)
    response = {each.name: each.campaign_response for each in world.classes}
    lift = {f"demo_marketing:{each.code}": each.lift for each in world.campaigns}
    gain = frame["purchases"] * frame["latent_class"].map(response) * frame["campaign_id"].map(lift)
    return frame.assign(gain=gain)


def earned(gain: np.ndarray, depth: float) -> float:
    """Return what the first earn above a random choice, as a share of what the truly best would."""
    first = int(len(gain) * depth)
    best = np.sort(gain)[::-1][:first].mean() - gain.mean()
    return float((gain[:first].mean() - gain.mean()) / best)


def measure(trial: Trial, frame: pd.DataFrame | None) -> list[Row]:
    """Mean over the published lists of what they earn at each depth; lists of campaigns without an effect.

    A small company has no list: its campaigns cannot tell whom they change, and that is the right answer.
    """
    if frame is None:
        return [not_yet(name, f"there is no {TABLE}") for name in (*EARNED.values(), FALSE_LISTS)]
    effects = frame.groupby("campaign_id")["gain"].max()
    true, false = effects[effects > 0].index, effects[effects == 0].index
    rows = [judged(FALSE_LISTS, float(len(false)), truth=0.0, low=0.0, high=0.0)]
    if not any(campaign.lift for campaign in get_world(trial.world).campaigns):
        return rows + [does_not_apply(name, "no campaign has an effect") for name in EARNED.values()]
    if not len(true):
        return rows + [refused(name, trial.decision("uplift")[1]) for name in EARNED.values()]
    for depth, name in EARNED.items():
        shares = [earned(of["gain"].to_numpy(), depth) for _, of in frame.groupby("campaign_id") if of["gain"].any()]
        note = f"{len(true)} lists; the worst {min(shares):.2f}"
        rows.append(judged(name, float(np.mean(shares)), truth=1.0, naive=0.0, low=LOWEST, note=note))
    return rows
