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
NOTED = 0.05
"""Difference of the response to reduced prices from which it is mentioned."""
YEAR_WEEKS = 365.25 / 7
KEPT = 1.0
"""By so many usual differences a group must differ more in another way than in the one that it is named after."""


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
         "Tell them of sales first, and clear stock with them. Leave them out of campaigns at full price."),
    Kind("full_price_buyers", "Full-price buyers", "price_ratio", -1, 0.15,
         "Leave them out of discounts, for they buy without. Tell them what is new, and offer service."),
    Kind("season_buyers", "Season buyers", "season_ratio", 1, 0.15,
         "Write two weeks before their strongest time. Between seasons they are not lost: send no win-back offers."),
    Kind("all_year_buyers", "All-year buyers", "season_ratio", -1, 0.15,
         "Contact them evenly over the year, and leave them out of seasonal campaigns."),
    Kind("big_spenders", "Big spenders", "order_value", 1, 0.3,
         "Give them a named contact, deliver to them first, and call when something fails."),
    Kind("small_spenders", "Small spenders", "order_value", -1, 0.3,
         "Raise the order value: sets, and free delivery from a little above their usual order. Use cheap channels."),
    Kind("frequent_buyers", "Frequent buyers", "orders_a_year", 1, 0.4,
         "Remind them of what is due again (marts.next_best_offer), and offer a standing order."),
    Kind("occasional_buyers", "Occasional buyers", "orders_a_year", -1, 0.4,
         "Contact them seldom, with one good reason each time. Test more contact against a control group first."),
    Kind("stayers", "Stayers", "yearly_staying", 1, 0.15,
         "Thank them, and ask them to recommend you. They need no discount to stay."),
    Kind("passers_by", "Passers-by", "yearly_staying", -1, 0.15,
         "Win the next purchase within weeks of the last one. Afterwards spend nothing on them."),
)  # fmt: skip


def describe(
    parameters: Parameters, customers: Customers, currency: str, earlier_ids: Sequence[str | None]
) -> list[dict[str, Any]]:
    """Return one row per component: its id and name, its traits, a sentence of them, and what to do.

    Each component takes the kind in which it differs most from everybody, so that the sum of differences is largest.
    A kind that the component had in the model before (`earlier_ids`; None for a new one) stays as long as it is true
    and no other is much truer. `currency` is that of the amounts.
    """
    traits = _traits(parameters, customers)
    everybody = {name: float(np.exp(parameters.share @ np.log(values))) for name, values in traits.items()}
    differs = np.array([
        [kind.direction * np.log(traits[kind.trait][k] / everybody[kind.trait]) / kind.scale for kind in KINDS]
        for k in range(parameters.components)
    ])  # fmt: skip
    had = np.array([[kind.segment_id == earlier_id for kind in KINDS] for earlier_id in earlier_ids])
    components, kinds = map(np.ndarray.tolist, linear_sum_assignment(-(differs + KEPT * (had & (differs > 0)))))
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
    leaves, exposed = parameters.leaving.T
    staying = (exposed / (exposed + YEAR_WEEKS)) ** leaves
    common = float(np.exp(parameters.share @ np.log(parameters.price)))
    return {
        "orders_a_year": parameters.rate[:, 0] / parameters.rate[:, 1] * YEAR_WEEKS,
        "order_value": spend,
        "yearly_staying": staying,
        "yearly_leaving": 1 - staying,
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
    """What a group does, with the figure of an average group in parentheses."""
    sentences = [
        (
            f"They buy {own['orders_a_year']:.1f} times a year as long as they stay ({everybody['orders_a_year']:.1f}),"
            f" for {own['order_value']:,.0f} {currency} each time ({everybody['order_value']:,.0f})"
        ).rstrip(),
        f"{own['yearly_leaving']:.0%} of them leave within a year ({everybody['yearly_leaving']:.0%})",
    ]
    if abs(own["price_ratio"] - 1) >= NOTED:
        more = "more" if own["price_ratio"] > 1 else "less"
        sentences.append(f"Reduced prices draw them {abs(own['price_ratio'] - 1):.0%} {more} than others")
    if peak:
        sentences.append(f"Their strongest time is {peak}, {own['season_ratio'] - 1:.0%} above the average group's")
    return ". ".join(sentences) + ". In parentheses: the average group."
