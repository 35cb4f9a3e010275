"""What distinguishes each group, in numbers and words. A group's id is what it does, so that a new model keeps it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mining.behaviour.histories import WEEKS, Floats
from mining.behaviour.mixture import Parameters
from mining.behaviour.reading import Customers, season_of_cells

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
SEASONAL = 1.15
"""Times everybody's share of purchases in its strongest month, from which a group is called seasonal."""
YEAR_WEEKS = 365.25 / 7


class Kind(NamedTuple):
    """A way to differ: the trait by whose logarithm groups are compared, its direction, a usual difference, words."""

    segment_id: str
    name: str
    trait: str
    direction: int
    scale: float
    advice: str


KINDS = (
    Kind("discount_buyers", "Discount buyers", "price_ratio", 1, 0.15,
         "Tell them of reduced prices first; spare them full-price offers."),
    Kind("full_price_buyers", "Full-price buyers", "price_ratio", -1, 0.15,
         "Leave them out of discounts: they buy without. Offer what is new, and service."),
    Kind("season_buyers", "Season buyers", "season_ratio", 1, 0.15,
         "Write before their season; between seasons they are not lost."),
    Kind("all_year_buyers", "All-year buyers", "season_ratio", -1, 0.15,
         "Keep a steady contact; a season's campaign moves them little."),
    Kind("big_spenders", "Big spenders", "order_value", 1, 0.3,
         "Serve them personally, and protect their orders first when something fails."),
    Kind("small_spenders", "Small spenders", "order_value", -1, 0.3,
         "Offer sets and a threshold for free delivery; keep the cost of serving low."),
    Kind("frequent_buyers", "Frequent buyers", "orders_a_year", 1, 0.4,
         "Offer what is due again, and a reward for staying."),
    Kind("occasional_buyers", "Occasional buyers", "orders_a_year", -1, 0.4,
         "One good reason a season; frequent letters tire them."),
    Kind("stayers", "Stayers", "yearly_leaving", -1, 0.5,
         "Thank them; ask them to recommend."),
    Kind("passers_by", "Passers-by", "yearly_leaving", 1, 0.5,
         "Win the second and third purchase in the first weeks, or spend nothing."),
)  # fmt: skip


def describe(parameters: Parameters, customers: Customers, currency: str) -> list[dict[str, Any]]:
    """Return one row per component: its id and name, its traits, a sentence of them, and what to do.

    Each component takes the kind in which it differs most from everybody, so that the sum of differences is largest.
    `currency` is that of the amounts.
    """
    traits = _traits(parameters, customers)
    everybody = {name: float(np.exp(parameters.share @ np.log(values))) for name, values in traits.items()}
    differs = np.array([
        [kind.direction * np.log(traits[kind.trait][k] / everybody[kind.trait]) / kind.scale for kind in KINDS]
        for k in range(parameters.components)
    ])  # fmt: skip
    components, kinds = map(np.ndarray.tolist, linear_sum_assignment(-differs))
    peaks = _peaks(parameters, customers)
    rows = []
    for component, kind in zip(components, kinds, strict=True):
        own = {name: round(float(values[component]), 6) for name, values in traits.items()}
        rows.append({
            "segment_id": KINDS[kind].segment_id,
            "segment_name": KINDS[kind].name,
            "advice": KINDS[kind].advice,
            "share": round(float(parameters.share[component]), 6),
            "strongest_season": peaks[component],
            **own,
            "description": _sentence(own, everybody, peaks[component], currency),
        })  # fmt: skip
    return rows


def _traits(parameters: Parameters, customers: Customers) -> dict[str, Floats]:
    """Traits of each component (components,), all above zero."""
    shape, rate = parameters.spend.T
    spend = parameters.order_shape * rate / np.where(shape > 1, shape - 1, shape)
    leaving = parameters.leaving[:, 0] / parameters.leaving[:, 1] * YEAR_WEEKS
    common = float(np.exp(parameters.share @ np.log(parameters.price)))
    return {
        "orders_a_year": parameters.rate[:, 0] / parameters.rate[:, 1] * YEAR_WEEKS,
        "order_value": spend,
        "yearly_leaving": leaving,
        "price_ratio": parameters.price / common,
        "season_ratio": _by_month(parameters, customers).max(axis=1),
    }


def _by_month(parameters: Parameters, customers: Customers) -> Floats:
    """Rate in each month and event over everybody's there (components, 12 + events)."""
    days, month = season_of_cells(customers.calendar, customers.first_day)
    common = parameters.share @ parameters.season
    weight = days * common
    events = range(WEEKS, WEEKS + customers.calendar.events)
    columns = [month == number for number in range(1, 13)] + [np.arange(len(days)) == cell for cell in events]
    ratios = [
        parameters.season[:, here] @ days[here] / max(float(weight[here].sum()), 1e-9) if days[here].any()
        else np.ones(parameters.components)
        for here in columns
    ]  # fmt: skip
    return np.stack(ratios, axis=1)


def _peaks(parameters: Parameters, customers: Customers) -> Sequence[str | None]:
    names = [*MONTHS, *customers.events]
    by_month = _by_month(parameters, customers)
    return [names[int(row.argmax())] if row.max() >= SEASONAL else None for row in by_month]


def _sentence(own: dict[str, float], everybody: dict[str, float], peak: str | None, currency: str) -> str:
    """What a group does, beside everybody."""
    sentences = [
        (
            f"As long as they are customers they buy {own['orders_a_year']:.1f} times a year (everybody: "
            f"{everybody['orders_a_year']:.1f}), for {own['order_value']:,.0f} {currency} each time (everybody: "
            f"{everybody['order_value']:,.0f})."
        ).replace("  ", " "),
        f"Reduced prices draw them {own['price_ratio']:.2f} times as strongly as everybody.",
        (f"They leave at a rate of {own['yearly_leaving']:.2f} a year (everybody: {everybody['yearly_leaving']:.2f})."),
    ]
    if peak:
        sentences.append(
            f"Their strongest time is {peak}: {own['season_ratio']:.2f} times everybody's purchases there."
        )
    return " ".join(sentences)
