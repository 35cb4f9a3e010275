"""A made-up shop as one export, with totals that are counted apart from the project."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

START = datetime(2023, 1, 1)  # noqa: DTZ001 - local time of the shop
DAYS = 730
HEAD = ["order_no", "customer_no", "customer_name", "email", "ordered_at", "status", "total", "currency"]


@dataclass(frozen=True)
class Trade:
    """Orders of a shop, as rows of an export."""

    rows: list[list[str]]

    @property
    def sold(self) -> list[list[str]]:
        """Rows that are purchases."""
        return [row for row in self.rows if row[5] != "cancelled" and row[6] != "unknown"]

    @property
    def net_sales(self) -> Decimal:
        """What was sold."""
        return sum((Decimal(row[6]) for row in self.sold), Decimal(0))

    @property
    def buyers(self) -> int:
        """Customers with a purchase."""
        return len({row[1] for row in self.sold})

    def write(self, path: Path) -> Path:
        """Write the export as CSV."""
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEAD, *self.rows])
        return path


def make_trade(customers: int = 400, seed: int = 11) -> Trade:
    """Customers who arrive over a year and buy at their own pace; some orders are cancelled, one cannot be read."""
    random = np.random.default_rng(seed)
    days = [
        (int(day), number)
        for number, (arrival, pace) in enumerate(
            zip(random.uniform(0, 365, customers), random.gamma(1.0, 0.02, customers) + 0.002, strict=True)
        )
        for day in [arrival, *(arrival + np.cumsum(random.exponential(1 / pace, 60)))]
        if day < DAYS
    ]
    rows = [
        [
            f"A{10_000 + place}",
            f"K{number:05d}",
            f"Zacharias Nummer{number:05d}",
            f"kunde{number:05d}@mail.example",
            f"{START + timedelta(days=day, hours=12):%Y-%m-%d %H:%M:%S}",
            "cancelled" if place % 97 == 5 else "paid",
            "unknown" if place == 50 else f"{random.gamma(2.0, 20.0) + 1:.2f}",
            "EUR",
        ]
        for place, (day, number) in enumerate(sorted(days))
    ]
    return Trade(rows)
