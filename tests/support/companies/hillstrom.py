"""A made-up file of the form of Kevin Hillstrom's e-mail test: three arms, a visit, a conversion, what was spent."""

from pathlib import Path

import numpy as np
import pandas as pd

SEGMENTS = ("Mens E-Mail", "Womens E-Mail", "No E-Mail")
MAILINGS = """\
campaign_id,segment,offer,sent_on,ends_on,measured_on
mens,Mens E-Mail,men's goods,2008-03-06,2008-03-19,2008-04-02
womens,Womens E-Mail,women's goods,2008-03-06,2008-03-19,2008-04-02
"""
VISITS = {"Mens E-Mail": 0.18, "Womens E-Mail": 0.15, "No E-Mail": 0.11}


def made_up(customers: int, seed: int = 1) -> pd.DataFrame:
    """Make the file. Who bought lately and much visits more often, and of the visitors some buy."""
    random = np.random.default_rng(seed)
    segment = np.array(SEGMENTS)[random.permutation(np.arange(customers) % len(SEGMENTS))]
    recency = random.integers(1, 13, customers)
    history = np.round(29.99 + random.exponential(210, customers), 2)
    chance = np.array([VISITS[name] for name in segment]) * np.where(recency < 5, 1.6, 0.8)
    visit = random.random(customers) < chance
    conversion = visit & (random.random(customers) < 0.2)
    spend = np.where(conversion, np.round(29.99 + random.exponential(90, customers), 2), 0.0)
    return pd.DataFrame(
        {
            "recency": recency,
            "history_segment": np.where(history < 100, "1) $0 - $100", "2) $100 - $200"),
            "history": history,
            "mens": random.integers(0, 2, customers),
            "womens": random.integers(0, 2, customers),
            "zip_code": random.choice(["Urban", "Surburban", "Rural"], customers),
            "newbie": random.integers(0, 2, customers),
            "channel": random.choice(["Web", "Phone", "Multichannel"], customers),
            "segment": segment,
            "visit": visit.astype(int),
            "conversion": conversion.astype(int),
            "spend": spend,
        }
    )


def write(folder: Path, customers: int, seed: int = 1) -> pd.DataFrame:
    """Write customers.csv and mailings.csv into a folder; return the customers."""
    frame = made_up(customers, seed)
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "customers.csv", index=False)
    (folder / "mailings.csv").write_text(MAILINGS, encoding="utf-8")
    return frame
