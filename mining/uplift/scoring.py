"""Score the customers of the as-of day with the campaigns whose order is found."""

import numpy as np
import pandas as pd

from mining.uplift.inputs import design
from mining.uplift.learners import Linear
from pipeline.base.model_files import Model

DIGITS = 6
PERSUADABLE, SURE_THING, LOST_CAUSE, SLEEPING_DOG = "persuadable", "sure_thing", "lost_cause", "sleeping_dog"


def score(customers: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Score everybody for each campaign of the model.

    Parameters
    ----------
    customers
        Features of the as-of day.
    model
        What `train` returned.

    Returns
    -------
    DataFrame
        One row per campaign and customer: the expected uplift in purchases if the campaign were run again now, the
        rank by it (1 is the best; equal ones by customer_id), what is expected without the campaign, and the class
        (Radcliffe & Surry 1999). A customer is persuadable with more uplift than the campaign's average customer had,
        and a sleeping dog where it is negative; of the others, a sure thing buys at least what the campaign's median
        customer bought without it, and a lost cause less.
    """
    inputs = design(customers)
    frames = [
        _of_campaign(customers["customer_id"], inputs, stored).assign(campaign_id=name)
        for name, stored in sorted(model["model"].items())
    ]
    return pd.concat(frames, ignore_index=True).assign(unavailable_reason=None)


def _of_campaign(customers: pd.Series, inputs: np.ndarray, stored: dict) -> pd.DataFrame:
    uplift = Linear.from_json(stored["uplift"]).predict(inputs).round(DIGITS)
    without = np.maximum(Linear.from_json(stored["without"]).predict(inputs), 0.0).round(DIGITS)
    order = np.lexsort((customers, -uplift))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    kind = np.select(
        [uplift > max(stored["mean_uplift"], 0.0), uplift < 0, without >= stored["median_without"]],
        [PERSUADABLE, SLEEPING_DOG, SURE_THING],
        LOST_CAUSE,
    )
    return pd.DataFrame(
        {
            "customer_id": customers,
            "uplift_rank": rank,
            "uplift_class": kind,
            "expected_uplift": uplift,
            "expected_purchases": without,
            "margin_share": np.nan if stored["margin_share"] is None else stored["margin_share"],
        }
    )
