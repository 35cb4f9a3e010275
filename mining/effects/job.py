"""The job `effects`: what each campaign changed per customer, against its randomised control group, with intervals."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from mining.effects.welch import Group, welch
from mining.protocol import Frames, Job, Options, Table
from mining.sound import ANY, SHARE, Claims
from mining.store import CAMPAIGN_ARMS, FeatureSet
from pipeline.base.model_files import Model

MINIMUM_CUSTOMERS = 30
"""In each arm: purchases are rare and skewed, and below it the interval would promise too much."""
MEASURE = ["campaign_id", "measure"]
DIGITS = {"effect": 6, "effect_low": 6, "effect_high": 6, "p_value": 8}
SCHEMA = pa.schema(
    {
        "campaign_id": pa.string(),
        "measure": pa.string(),
        "as_of_date": pa.date32(),
        "run_id": pa.string(),
        **dict.fromkeys(DIGITS, pa.float64()),
        "unavailable_reason": pa.string(),
    }
)
CLAIMS = Claims(
    {"effect": ANY, "effect_low": ANY, "effect_high": ANY, "p_value": SHARE},
    ascending=("effect_low", "effect", "effect_high"),
    key=("campaign_id", "measure"),
)


class Effects(Job):
    """Of the campaigns that can be judged; of the others there is no row, and `marts.campaign_performance` says why."""

    name = "effects"
    source = CAMPAIGN_ARMS
    reads = frozenset({"customers", "customers_with_amount", "amount_sum", "amount_square_sum", "window_end_date"})
    tables: ClassVar[Mapping[str, Table]] = {"effects": Table(SCHEMA, CLAIMS)}

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `effects`."""
        return {"effects": effects(features.at(features.as_of))}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per campaign and measure, without numbers, and with the reason."""
        measures = features.at(features.as_of)[MEASURE].drop_duplicates()
        return {"effects": measures.reindex(columns=SCHEMA.names).assign(unavailable_reason=reason)}


def effects(arms: pd.DataFrame) -> pd.DataFrame:
    """Compare the arms of each campaign.

    Parameters
    ----------
    arms
        One row per campaign, measure and arm, as of one date.

    Returns
    -------
    DataFrame
        One row per campaign and measure that can be judged: both arms have 30 customers or more, every amount is
        known, the outcome window of the last customer is over, and within an arm not all customers did the same.
    """
    treated, control = (arms[arms["arm"] == arm].set_index(MEASURE) for arm in ("treated", "control"))
    both = treated.index.intersection(control.index).sort_values()
    treated, control = treated.loc[both], control.loc[both]
    judged = _can_be_judged(treated) & _can_be_judged(control)
    first, second = _group(treated[judged]), _group(control[judged])
    varies = first.variance_of_mean + second.variance_of_mean > 0
    first, second = (Group(*(column[varies] for column in group)) for group in (first, second))
    numbers = dict(zip(DIGITS, welch(first, second), strict=True))
    result = pd.DataFrame({name: np.round(numbers[name], digits) for name, digits in DIGITS.items()})
    result.index = treated.index[judged.to_numpy()][varies]
    return result.reset_index().assign(unavailable_reason=None)


def _can_be_judged(arm: pd.DataFrame) -> pd.Series:
    return (
        (arm["customers"] >= MINIMUM_CUSTOMERS)
        & (arm["customers_with_amount"] == arm["customers"])
        & (arm["window_end_date"] <= arm["as_of_date"])
    )


def _group(arm: pd.DataFrame) -> Group:
    return Group(*(arm[name].to_numpy(float) for name in ("customers", "amount_sum", "amount_square_sum")))


JOB = Effects()
