"""What to offer next: recall on Complete Journey, the last four weeks held out, beside simpler rankings."""

import math
from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.rows import at_least
from mining.jobs import one_thread
from mining.offers.history import Floats, Ints, Purchases
from mining.offers.judging import best, recall
from mining.offers.training import (
    CATEGORY,
    DUE,
    KINDS,
    MODEL,
    NEW,
    PRODUCT,
    Cut,
    Judged,
    cut,
    judge,
    learned,
    ranked_rows,
    read,
)
from pipeline.base.errors import UserError
from pipeline.base.settings import every_source, load_settings

HORIZON = 28
PUBLISHED = "published"
PEERS = {
    PRODUCT: "issue 20 (all, repeats, new): popularity .146, .159, .035; own frequency .361, .460, .035; by recency"
    " .370, .461, .035; with 300 nearest .374, .469, .040",
    CATEGORY: "issue 20: popularity .513, .529, .240; own frequency .621, .673, .240; by recency .605, .654, .240;"
    " with 300 nearest .618, .667, .247",
}


def run() -> list[dict[str, Any]]:
    folder = load_settings(every_source()).data / "complete_journey"
    files = [folder / "transactions.parquet", folder / "products.parquet"]
    if not all(file.exists() for file in files):
        raise UserError(
            f"{folder} has no transactions.parquet and products.parquet. Run `make data`, which fetches them."
        )
    with duckdb.connect() as connection:
        table = connection.sql(
            "select distinct cast(household_id as varchar) as customer_id, cast(product_id as varchar) as product_id,"
            " product_category as category, purchase_date, purchase_date as known_date"
            " from (select *, cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date)"
            " as purchase_date from read_parquet($1)) left join read_parquet($2) using (product_id)",
            params=[str(file) for file in files],
        ).to_arrow_table()
    with one_thread():
        return [row for level in (PRODUCT, CATEGORY) for row in _measured(read(table, level), level)]


def _measured(purchases: Purchases, level: str) -> list[dict[str, Any]]:
    day = int(purchases.day.max())
    inner, held = (cut(purchases, day - back * HORIZON, HORIZON) for back in (2, 1))
    judged = {kind.name: judge(kind, inner, held) for kind in KINDS}
    due, new = judged[DUE], judged[NEW]
    assert isinstance(due, Judged) and isinstance(new, Judged)
    overall = _overall(inner, held, due, new)
    _print(level, due, new, overall)
    best_overall = max(value for name, value in overall.items() if name != PUBLISHED)
    rows = [at_least(_shown(best_overall), f"offers.{level}_all", overall[PUBLISHED], "recall at 10", PEERS[level])]
    for of, what in ((due, "repeats"), (new, "new_items")):
        used = next(of.recalls[name] for name, names in of.chosen.items() if names == of.used)
        naive = of.recalls[next(iter(of.gains))]
        rows.append(at_least(_shown(naive), f"offers.{level}_{what}", used, "recall at 10"))
        if level == PRODUCT:
            least = min(gain.low for gain in of.gains.values())
            rows.append(at_least(0.0, f"offers.{level}_{what}_gain_low", least, "recall at 10"))
    return rows


def _shown(bound: float) -> float:
    """Three digits, as values are shown."""
    return math.floor(1000 * bound) / 1000


def _overall(inner: Cut, held: Cut, due: Judged, new: Judged) -> dict[str, float]:
    """Recall of one list of ten items, owned and new together, of everybody who bought anything."""
    targets = np.sort(np.concatenate(list(held.targets.values())))
    customers = np.unique(targets // held.size)
    (owned, own), (others, their) = (
        ranked_rows(of.kind, held, customers, (name for ranker in of.chosen.values() for name in ranker))
        for of in (due, new)
    )
    keys = np.concatenate([owned, others])
    buyers = np.bincount(held.found.pairs.item, minlength=held.size)
    popular = np.log(0.5 + buyers[keys % held.size])

    def first_owned(name: str) -> Floats:
        return np.concatenate([own[name] - own[name].min() + popular.max() + 1, popular[len(owned) :]])

    tifu = due.chosen["TIFU-KNN"][0]
    nearest = np.exp(np.concatenate([own[tifu], np.log(0.3) + their[new.chosen["TIFU-KNN"][0]]]))
    rankings = {
        "popularity": popular,
        "own frequency": first_owned("bought"),
        "weighted by recency": first_owned(due.chosen["weighted by recency"][0]),
        "TIFU-KNN": nearest,
        PUBLISHED: np.concatenate([_log_odds(due, inner, own), _log_odds(new, inner, their)]),
    }
    return {name: _mean(keys, ranked, targets, held.size) for name, ranked in rankings.items()}


def _log_odds(of: Judged, inner: Cut, inputs: Mapping[str, Floats]) -> Floats:
    """Of the ranker that is published, fitted before the weeks that are held out."""
    model = learned(of.kind, of.used, inner)
    assert model is not None
    return model.log_odds(np.column_stack([inputs[name] for name in of.used]))


def _mean(keys: Ints, ranked: Floats, targets: Ints, size: int) -> float:
    return float(recall(best(keys, ranked, size), targets, size)[1].mean())


def _print(level: str, due: Judged, new: Judged, overall: Mapping[str, float]) -> None:
    table = Table(title=f"Complete Journey, {level}: recall at 10 of the last four weeks", box=None)
    for heading in ("ranked by", "all", "repeats", "gain, 95 %", "new", "gain, 95 %"):
        table.add_column(heading, justify="left" if heading == "ranked by" else "right")
    rows = {**dict.fromkeys(overall), **dict.fromkeys((*due.recalls, *new.recalls))}
    for name in rows:
        cells = [f"{overall[name]:.3f}" if name in overall else ""]
        for of in (due, new):
            gain = of.gains.get(name)
            cells += [
                f"{of.recalls[name]:.3f}" if name in of.recalls else "",
                f"{gain.low:.3f} to {gain.high:.3f}" if gain else "",
            ]
        table.add_row(name, *cells)
    console = Console(highlight=False)
    console.print(table)
    for of in (due, new):
        used = MODEL if of.is_model else next(name for name, names in of.chosen.items() if names == of.used)
        console.print(f"{of.kind}: {of.customers:,} customers; published: {used} ({', '.join(of.used)})")


if __name__ == "__main__":
    for measure in run():
        print(measure)
