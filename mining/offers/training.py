"""Choose, judge and fit what ranks the items that are due again, and those that are new, each for itself.

Two windows of a horizon end on the as-of day. In the first one every ranker is fitted, and half-lives, group sizes and
the best baseline are chosen. The second one, which no choice has seen, judges: the model is used where it recalls more
than every baseline with certainty, else the baseline that was best in the first window. What is used is fitted once
more on the second window; that one scores.

A ranker is a logistic regression: a baseline reads one input, by which it ranks, and the regression turns it into a
probability.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mining.evaluation import refused, row, window
from mining.offers.due import FREQUENCY, RECENT, RHYTHM, TIFU, Items, due_inputs, item_facts, tifu
from mining.offers.history import Floats, Ints, Purchases, day_number, purchases_of
from mining.offers.judging import Gain, K, best, gains, recall
from mining.offers.logistic import Logistic
from mining.offers.new import POPULARITY, Candidates, blended, candidates, is_owned, new_inputs
from mining.offers.new import RECENT as ALIKE
from mining.store import FeatureSet

DUE, NEW = "due again", "new"
PRODUCT, CATEGORY = "product", "category"
PLURAL = {PRODUCT: "products", CATEGORY: "categories"}
MINIMUM = 50
"""Customers who bought an item of the kind, in both windows."""
REPEAT_SHARE = 0.2
"""Of what customers bought in the first window, the share that they had bought before. Fewer: categories are ranked."""
CELLS = 2_500_000
"""Pairs of customer and item that a window judges by, and learns from, at most: those of one customer in so many."""
JUDGED = 2_500
BASELINE = "own purchases; most bought items; TIFU-KNN"
SAID = {
    "bought": "how often each customer has bought it",
    **{name: f"the same weighted by recency (half-life {days} days)" for name, days in RECENT.items()},
    **{name: f"TIFU-KNN (groups of {size} baskets, 300 neighbours)" for name, size in TIFU.items()},
    "buyers": "the most bought items",
}
Names = tuple[str, ...]
Rows = tuple[Ints, dict[str, Floats]]
"""Keys (customer * items + item), sorted, and inputs by name."""


class Kind(NamedTuple):
    """What there is to rank by: groups of baselines, of which each is represented by its best, and models alike."""

    name: str
    baselines: Mapping[str, tuple[Names, ...]]
    models: tuple[Names, ...]


KINDS = (
    Kind(
        DUE,
        {
            "own frequency": (FREQUENCY,),
            "weighted by recency": tuple((name,) for name in RECENT),
            "TIFU-KNN": tuple((name,) for name in TIFU),
        },
        (RHYTHM,),
    ),
    Kind(
        NEW,
        {"popularity": (POPULARITY,), "TIFU-KNN": tuple((name,) for name in TIFU)},
        tuple(blended(name) for name in ALIKE),
    ),
)


class Cut(NamedTuple):
    """What was known on a day of some customers, and which items they then bought within the horizon (keys)."""

    day: int
    found: Candidates
    facts: Items
    targets: dict[str, Ints]

    @property
    def size(self) -> int:
        """Number of items: a key is customer * size + item."""
        return len(self.found.purchases.items)

    @property
    def ranked(self) -> int:
        """How many items a ranking is judged by: ten, and of few items a quarter of them."""
        return min(K, max(1, self.size // 4))


def cut(purchases: Purchases, day: int, horizon: int) -> Cut:
    """Look at a day, and at the horizon after it."""
    found = candidates(purchases, day)
    size, pairs = len(purchases.items), found.pairs
    owned = pairs.customer * size + pairs.item
    bought = purchases.between(day, day + horizon)
    bought = bought[np.isin(bought // size, pairs.customer)]
    again = np.isin(bought, owned, assume_unique=True)
    return Cut(day, found, item_facts(purchases, day, horizon), {DUE: bought[again], NEW: bought[~again]})


def sampled(customers: Ints, width: int) -> Ints:
    """One customer in so many, by the order of ids: as many as a window may judge by."""
    most = max(1, min(JUDGED, CELLS // max(width, 1)))
    return customers[:: -(-len(customers) // most)] if len(customers) else customers


def ranked_rows(kind: str, at: Cut, customers: Ints, names: Iterable[str]) -> Rows:
    """Every item that may be ranked for some customers, with its inputs."""
    wanted = sorted(set(names))
    if kind == NEW:
        inputs = new_inputs(wanted, at.found, customers)
        is_new = ~is_owned(at.found, customers)
        keys = (customers[:, None] * at.size + at.found.items[None, :])[is_new]
        return keys, {name: np.broadcast_to(value, is_new.shape)[is_new] for name, value in inputs.items()}
    asked = np.zeros(len(at.found.purchases.customers), bool)
    asked[customers] = True
    purchases = at.found.purchases.of_customers(asked)
    pairs = purchases.pairs()
    own = due_inputs(purchases, pairs, at.facts, at.day)
    own |= {name: np.log(1e-9 + tifu(at.found.purchases, pairs, TIFU[name])) for name in wanted if name in TIFU}
    return pairs.customer * at.size + pairs.item, own


def score(names: Names, model: Logistic, inputs: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Return what the items are ranked by, and their log-odds."""
    log_odds = model.log_odds(np.column_stack([inputs[name] for name in names]))
    return (inputs[names[0]] if len(names) == 1 else log_odds), log_odds


def learned(kind: str, names: Names, at: Cut) -> Logistic | None:
    """Fit a ranker to what customers bought in the horizon after a day; None where that does not vary."""
    everybody = np.unique(at.found.pairs.customer)
    keys, inputs = ranked_rows(kind, at, sampled(everybody, 4 * _width(kind, at)), names)
    return Logistic.fit(names, np.column_stack([inputs[name] for name in names]), np.isin(keys, at.targets[kind]))


def _width(kind: str, at: Cut) -> int:
    """Items that are ranked for a customer."""
    return (
        len(at.found.items)
        if kind == NEW
        else len(at.found.pairs.item) // max(len(np.unique(at.found.pairs.customer)), 1)
    )


class Judged(NamedTuple):
    """What the second window says of a kind; `refitted` on it is what scores."""

    kind: str
    used: Names
    customers: int
    ranked: int
    recalls: dict[str, float]
    chosen: dict[str, Names]
    gains: dict[str, Gain]
    refitted: Logistic
    is_model: bool


MODEL = "model"


def judge(kind: Kind, inner: Cut, held: Cut) -> Judged | str:
    """Choose and judge the rankers of a kind, and fit the one that is used; or say why there is none."""
    least = min(len(np.unique(at.targets[kind.name] // at.size)) for at in (inner, held))
    if least < MINIMUM:
        return f"{least:,} customers bought an item of this kind in a window, and {MINIMUM} are needed"
    groups = {**kind.baselines, MODEL: kind.models}
    models = {names: learned(kind.name, names, inner) for names in kind.models}
    if None in models.values():
        return "what was bought in the first window does not vary"
    first = _recalls(kind.name, inner, [names for rankers in groups.values() for names in rankers], models)
    means = {names: round(float(value.mean()), 6) for names, value in first.items()}
    chosen = {group: max(rankers, key=means.__getitem__) for group, rankers in groups.items()}
    second = _recalls(kind.name, held, chosen.values(), models)
    recalls = {group: second[names] for group, names in chosen.items()}
    compared = gains(recalls[MODEL], {group: recalls[group] for group in kind.baselines})
    is_model = all(gain.low > 0 for gain in compared.values())
    used = chosen[MODEL] if is_model else max((chosen[group] for group in kind.baselines), key=means.__getitem__)
    refitted = learned(kind.name, used, held)
    if refitted is None:
        return "what was bought in the second window does not vary"
    held_recall = {group: float(value.mean()) for group, value in recalls.items()}
    size = len(recalls[MODEL])
    return Judged(kind.name, used, size, held.ranked, held_recall, chosen, compared, refitted, is_model)


def _recalls(
    kind: str, at: Cut, rankers: Iterable[Names], models: Mapping[Names, Logistic | None]
) -> dict[Names, Floats]:
    """Recall of each ranker, of customers who bought something of the kind."""
    rankers = list(rankers)
    judged = sampled(np.unique(at.targets[kind] // at.size), _width(kind, at))
    keys, inputs = ranked_rows(kind, at, judged, (name for names in rankers for name in names))
    targets = at.targets[kind]
    targets = targets[np.isin(targets // at.size, judged)]
    found = {}
    for names in rankers:
        model = models.get(names)
        ranked_by = score(names, model, inputs)[0] if model else inputs[names[0]]
        found[names] = recall(best(keys, ranked_by, at.size, at.ranked), targets, at.size, at.ranked)[1]
    return found


def read(table: pa.Table, level: str) -> Purchases:
    """Read the purchases of products (with their categories as groups) or of categories."""
    return purchases_of(table, *(("product_id", "category") if level == PRODUCT else ("category", None)))


def choose_level(table: pa.Table, day: int, horizon: int) -> str:
    """Products are ranked where customers buy the same product again, else categories; judged by the first window."""
    if table["category"].null_count == table.num_rows:
        return PRODUCT
    at = cut(read(table, PRODUCT), day, horizon)
    again, bought = len(at.targets[DUE]), sum(map(len, at.targets.values()))
    return PRODUCT if again >= REPEAT_SHARE * bought else CATEGORY


def judged_kinds(purchases: Purchases, as_of: int, horizon: int) -> dict[str, Judged | str]:
    """Judge both kinds on the two windows that end on a day."""
    inner, held = (cut(purchases, as_of - back * horizon, horizon) for back in (2, 1))
    return {kind.name: judge(kind, inner, held) for kind in KINDS}


def train(features: FeatureSet, horizon_days: int) -> dict[str, Any]:
    """See the module; what is returned is described in `mining.protocol`."""
    as_of, table = day_number(features.as_of), features.table
    parameters = {"horizon_days": horizon_days, "items_ranked_at_most": K}
    if not table.num_rows:
        days = window(features.as_of, None, features.as_of)
        return refused(days, parameters, BASELINE, "no purchase of a known product in the last two years")
    days = window(
        pc.min(table["purchase_date"]).as_py(), features.as_of - dt.timedelta(days=horizon_days), features.as_of
    )
    level = choose_level(table, as_of - 2 * horizon_days, horizon_days)
    kinds = judged_kinds(read(table, level), as_of, horizon_days)
    found = {name: kind for name, kind in kinds.items() if isinstance(kind, Judged)}
    if not found:
        why = "; ".join(f"{name}: {reason}" for name, reason in kinds.items())
        return refused(days, parameters, BASELINE, why)
    rows = [line for kind in found.values() for line in _metrics(kind)]
    return {
        **days,
        "parameters": {**parameters, "level": level, "used": {name: list(kind.used) for name, kind in found.items()}},
        "metrics": {line["metric"]: line["value"] for line in rows},
        "baseline_name": BASELINE,
        "baseline_metrics": {line["metric"]: line["baseline_value"] for line in rows},
        "model_metrics": rows,
        "is_published": True,
        "decision": " ".join(_said(name, kind, level) for name, kind in kinds.items()),
        "is_converged": True,
        "model": {
            "level": level,
            "horizon_days": horizon_days,
            **{name: kind.refitted.to_json() for name, kind in found.items()},
        },
    }


def _metrics(of: Judged) -> list[dict[str, Any]]:
    """Recall of what is used beside the best baseline's, and of the model beside each baseline's."""
    metric = f"recall_at_{of.ranked}_{'repeats' if of.kind == DUE else 'new_items'}"
    used = of.recalls[next(group for group, names in of.chosen.items() if names == of.used)]
    against = [
        row("all", f"{metric}_against_{_slug(name)}", of.customers, of.recalls[MODEL], of.recalls[name], gain[1:])
        for name, gain in of.gains.items()
    ]
    return [row("all", metric, of.customers, used, max(of.recalls[name] for name in of.gains)), *against]


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _said(name: str, of: Judged | str, level: str) -> str:
    """Return what is used for a kind, and how it compares, in a sentence or two."""
    heading = name.capitalize()
    if isinstance(of, str):
        return f"{heading}: nothing, for {of}."
    rival = max(of.gains, key=lambda group: of.recalls[group])
    gain = of.gains[rival]
    recalls = f"{_short(of.recalls[MODEL])} against {_short(of.recalls[rival])} ({rival})"
    against = f"recall at {of.ranked} of {PLURAL[level]} {recalls}"
    interval = f"gain {_short(gain.low)} to {_short(gain.high)}"
    if of.is_model:
        return (
            f"{heading}: the model beats every baseline out of time, {against}, {interval}; {of.customers:,} customers."
        )
    said = SAID[of.used[0]]
    return f"{heading}: the model does not beat every baseline with certainty, {against}, {interval}; ranked by {said}."


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)
