"""Rank the items of every customer, and say why."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mining.offers.due import inputs_of, item_facts, usual_gap
from mining.offers.history import Floats, Ints, Pairs, Purchases, day_number, place_in_group
from mining.offers.logistic import Logistic
from mining.offers.neighbours import blocks
from mining.offers.new import candidates, is_owned, new_inputs
from mining.offers.rules import best_rules, rules
from mining.offers.training import DUE, NEW, read, score
from mining.store import FeatureSet

OFFERS = 5
"""Items of each kind that a customer has, at most."""
PAIRS = 500_000
"""Items owned that are scored at once: 16 inputs of each are 64 MB."""
DIGITS = 6
COLUMNS = (
    "customer_id", "kind", "offer_rank", "item_level", "item_id", "probability", "purchase_days", "last_bought_date",
    "usual_gap_days", "because_item_id", "bought_both", "confidence", "lift", "lift_low", "lift_high", "buyers_share",
    "unavailable_reason",
)  # fmt: skip


def score_offers(features: FeatureSet, model: Mapping[str, Any]) -> pd.DataFrame:
    """One row per customer, kind and rank.

    A customer who has nothing of either kind has one row of the kind new, without an item, that says so.
    """
    purchases, day = read(features.table, model["level"]), day_number(features.as_of)
    parts = []
    if DUE in model:
        parts.append(_due(purchases, Logistic.from_json(model[DUE]), day, model["horizon_days"]))
    if NEW in model:
        parts.append(_new(purchases, Logistic.from_json(model[NEW]), day))
    offers = pd.concat(parts, ignore_index=True).assign(item_level=model["level"], unavailable_reason=None)
    offers["probability"] = offers["probability"].round(DIGITS)
    known = set(offers["customer_id"])
    others = [name for name in sorted(set(features.customers)) if name not in known]
    return _complete(pd.concat([offers, without(others, "no item to offer")], ignore_index=True))


def without(customers: list[str], reason: str) -> pd.DataFrame:
    """One row per customer without an offer, and with the reason."""
    rows = pd.DataFrame({"customer_id": pd.Series(customers, dtype=object)})
    return _complete(rows.assign(kind=NEW, offer_rank=1, unavailable_reason=reason))


def _complete(offers: pd.DataFrame) -> pd.DataFrame:
    """Give offers all columns; a column of days keeps its type where it is empty."""
    complete = offers.reindex(columns=list(COLUMNS))
    return complete.assign(last_bought_date=pd.to_datetime(complete["last_bought_date"]))


def _top(customer: Ints, item: Ints, ranked_by: Floats) -> tuple[Ints, Ints]:
    """Return the places of each customer's best offers, and their ranks from 1."""
    order, place = place_in_group(customer, (-np.round(ranked_by, 9), item))
    chosen = place < OFFERS
    return order[chosen], place[chosen] + 1


def _top_of_rows(ranked_by: Floats) -> tuple[Ints, Ints, Ints]:
    """Return rows, columns and ranks from 1 of each row's best columns; minus infinity is none."""
    count = min(OFFERS, ranked_by.shape[1])
    columns = np.sort(np.argpartition(-ranked_by, count - 1, axis=1)[:, :count], axis=1)
    values = np.round(np.take_along_axis(ranked_by, columns, axis=1), 9)
    order = np.argsort(-values, axis=1, kind="stable")
    columns = np.take_along_axis(columns, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    rows, places = np.nonzero(np.isfinite(values))
    return rows, columns[rows, places], places + 1


def _probability(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)


def _due(purchases: Purchases, model: Logistic, day: int, horizon: int) -> pd.DataFrame:
    known, facts = purchases.until(day), item_facts(purchases, day, horizon)
    customers, owned = np.unique(known.customer, return_counts=True)
    ends = np.searchsorted(np.cumsum(owned), np.arange(PAIRS, owned.sum() + PAIRS, PAIRS), side="right")
    parts = []
    for rows in np.split(customers, np.unique(ends[ends < len(customers)])):
        if not len(rows):
            continue
        pairs, inputs = inputs_of(model.names, known, rows, facts, day)
        ranked_by, log_odds = score(model.names, model, dict(zip(model.names, inputs.T, strict=True)))
        chosen, rank = _top(pairs.customer, pairs.item, ranked_by)
        parts.append(_due_rows(purchases, Pairs(*(column[chosen] for column in pairs)), rank, log_odds[chosen]))
    return pd.concat(parts, ignore_index=True)


def _due_rows(purchases: Purchases, of: Pairs, rank: Ints, log_odds: Floats) -> pd.DataFrame:
    gap = usual_gap(of)
    return pd.DataFrame(
        {
            "customer_id": purchases.customers[of.customer],
            "kind": DUE,
            "offer_rank": rank,
            "item_id": purchases.items[of.item],
            "probability": _probability(log_odds),
            "purchase_days": of.bought,
            "last_bought_date": of.last.astype("datetime64[D]"),
            "usual_gap_days": np.where(of.bought > 1, np.round(gap, 1), np.nan),
        }
    )


def _new(purchases: Purchases, model: Logistic, day: int) -> pd.DataFrame:
    found = candidates(purchases, day)
    everybody, learned = np.unique(found.pairs.customer), rules(found)
    share = np.asarray(found.owned.sum(axis=0)).ravel() / max(len(everybody), 1)
    parts = []
    for rows in blocks(everybody, len(found.items)):
        inputs = new_inputs(model.names, found, rows)
        log_odds = np.broadcast_to(
            sum(map(np.multiply, model.coefficients, inputs.values())), (len(rows), len(found.items))
        )
        ranked_by = log_odds + model.intercept if len(model.names) > 1 else inputs[model.names[0]]
        of_row, candidate, rank = _top_of_rows(np.where(is_owned(found, rows), -np.inf, ranked_by))
        customer, chosen = rows[of_row], log_odds[of_row, candidate] + model.intercept
        anchor, is_certain = best_rules(found, learned, customer, candidate)
        said = {
            name: np.where(is_certain, np.round(values[anchor, candidate], 4), np.nan)
            for name, values in zip(
                ("bought_both", "confidence", "lift", "lift_low", "lift_high"), learned[1:], strict=True
            )
        }
        because = purchases.items[learned.anchors[anchor]]
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": purchases.customers[customer],
                    "kind": NEW,
                    "offer_rank": rank,
                    "item_id": purchases.items[found.items[candidate]],
                    "probability": _probability(chosen),
                    "because_item_id": pd.Series(because).where(is_certain == 1, None),
                    **said,
                    "buyers_share": np.round(share[found.items[candidate]], 4),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
