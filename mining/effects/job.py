"""The job `effects`: what each campaign changed per customer, against its randomised control group, with intervals."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mining.effects.means import difference_of_means, slope
from mining.effects.moments import Arm, Difference
from mining.effects.proportions import NORMAL, difference_of_shares
from mining.effects.ratios import difference_of_ratios
from mining.effects.sample_ratio import is_mismatch, sample_ratio_p_value
from mining.effects.sequential import always_valid_critical
from mining.effects.together import adjusted_p_values, shrink
from mining.effects.trust import BUYERS_FOR_CAPPED, BUYERS_FOR_MEAN, expected_buyers, is_mean_trusted
from mining.evaluation import Floats
from mining.protocol import Frames, Job, Options, Table
from mining.sound import ANY, Claims
from mining.store import CAMPAIGN_ARMS, FeatureSet
from pipeline.base.model_files import Model

MINIMUM_CUSTOMERS = 30
"""In each arm: below it no method here keeps its promise."""
MEASURE = ["campaign_id", "segment", "measure"]
EVERYBODY = "everybody"
"""The segment that is no part of a campaign."""
CONVERTED, PURCHASES, RATIO = "converted", "purchases", "net_sales_per_purchase"
SHARES = (CONVERTED, "responded")
"""Measures that are 0 or 1."""
PLAIN = ("net_sales", "margin")
"""Measures whose plain mean is shown only where it can be trusted. The others are capped, or few per customer."""
TOGETHER = (PURCHASES, CONVERTED, "capped_margin")
"""Measures that are shrunk and corrected over all campaigns, and over all segments of campaigns."""
SUMS = ("amount_sum", "amount_square_sum", "amount_cube_sum", "before_sum", "before_square_sum", "product_sum")
EFFECT = ("effect", "effect_low", "effect_high", "p_value")
SHRUNK = ("shrunk_effect", "shrunk_effect_low", "shrunk_effect_high")
DIGITS = 6
P_DIGITS = 8
SCHEMA = pa.schema(
    {
        "campaign_id": pa.string(),
        "segment": pa.string(),
        "measure": pa.string(),
        "as_of_date": pa.date32(),
        "run_id": pa.string(),
        **dict.fromkeys((*EFFECT, "adjusted_p_value", *SHRUNK, "sample_ratio_p_value"), pa.float64()),
        "unavailable_reason": pa.string(),
    }
)
CLAIMS = Claims(dict.fromkeys(EFFECT[:3], ANY), ascending=("effect_low", "effect", "effect_high"), key=tuple(MEASURE))
MISMATCHED = "the arms are not as large as planned, so that they are not alike"
UNKNOWN = "of some customers it is unknown"
ALIKE = "within each arm all customers did the same, so that chance cannot be told from effect"
FEW = f"fewer than {BUYERS_FOR_CAPPED} buyers are to be expected in the smaller arm"
SKEWED = (
    f"the amounts are too skewed for their plain mean: fewer than {BUYERS_FOR_MEAN} buyers are to be expected in the "
    "smaller arm, or a few of them brought too much"
)


class Effects(Job):
    """Of the campaigns whose arms have 30 customers or more; `marts.campaign_performance` says why others have none."""

    name = "effects"
    source = CAMPAIGN_ARMS
    reads = frozenset(
        {"customers", "customers_with_amount", "buyers", *SUMS, "control_share", "elapsed_share", "window_end_date"}
    )
    tables: ClassVar[Mapping[str, Table]] = {"effects": Table(SCHEMA, CLAIMS)}

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `effects`."""
        return {"effects": effects(features.at(features.as_of))}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per campaign, segment and measure, without numbers, and with the reason."""
        measures = features.at(features.as_of)[MEASURE].drop_duplicates()
        return {"effects": measures.reindex(columns=SCHEMA.names).assign(unavailable_reason=reason)}


def effects(arms: pd.DataFrame) -> pd.DataFrame:
    """Compare the arms of each campaign.

    Parameters
    ----------
    arms
        One row per campaign, segment, measure and arm, as of one date.

    Returns
    -------
    DataFrame
        One row per campaign, segment and measure where both arms have 30 customers or more. Where the outcome window of
        the last customer is not over, intervals are always valid and there are no p-values. `unavailable_reason` says
        why a measure cannot be told.
    """
    treated, control = (arms[arms["arm"] == arm].set_index(MEASURE) for arm in ("treated", "control"))
    both = treated.index.intersection(control.index).sort_values()
    treated, control = treated.loc[both], control.loc[both]
    rows = ((treated["customers"] >= MINIMUM_CUSTOMERS) & (control["customers"] >= MINIMUM_CUSTOMERS)).to_numpy()
    treated, control = treated[rows], control[rows]
    result = pd.DataFrame(np.nan, index=treated.index, columns=[*EFFECT, "adjusted_p_value", *SHRUNK])
    result["sample_ratio_p_value"] = _sample_ratio(treated, control)
    reason = _reasons(treated, control, result["sample_ratio_p_value"].to_numpy(float))
    critical = _critical(treated, control)
    names = result.index.get_level_values("measure").to_numpy(str)
    for measure in np.unique(names):
        chosen = (names == measure) & pd.isna(reason)
        found = _compare(measure, treated[chosen], control[chosen], critical[chosen])
        result.loc[chosen, list(EFFECT)] = np.column_stack(found)
    is_told = result["p_value"].notna().to_numpy()
    is_whole = result.index.get_level_values("segment") == EVERYBODY
    for measure in TOGETHER:
        for part in (is_whole, ~is_whole):
            _judge_together(result, (names == measure) & is_told & part)
    digits = {name: P_DIGITS if name.endswith("p_value") else DIGITS for name in result.columns}
    return result.round(digits).reset_index().assign(unavailable_reason=reason)


def _sample_ratio(treated: pd.DataFrame, control: pd.DataFrame) -> Floats:
    """Return the p-values of the arms' sizes, of everybody: a part of arms that are not alike is not alike either."""
    first, second = treated["customers"].to_numpy(float), control["customers"].to_numpy(float)
    of_rows = pd.Series(sample_ratio_p_value(first, second, control["control_share"].to_numpy(float)), treated.index)
    of_all = of_rows[of_rows.index.get_level_values("segment") == EVERYBODY].groupby(level="campaign_id").first()
    return np.asarray(of_all.reindex(of_rows.index.get_level_values("campaign_id")), dtype=np.float64)


def _reasons(treated: pd.DataFrame, control: pd.DataFrame, sample_ratio: Floats) -> NDArray[np.object_]:
    """Return why a measure of a campaign cannot be told; null where it can."""
    first, second = _arm(treated), _arm(control)
    buyers = expected_buyers(
        first.customers, second.customers, treated["buyers"].to_numpy(float), control["buyers"].to_numpy(float)
    )
    measure = treated.index.get_level_values("measure")
    is_known = (treated["customers_with_amount"] == treated["customers"]) & (
        control["customers_with_amount"] == control["customers"]
    )
    cases = {
        MISMATCHED: is_mismatch(sample_ratio),
        UNKNOWN: ~is_known.to_numpy(),
        FEW: ~measure.isin(SHARES) & (buyers < BUYERS_FOR_CAPPED),
        ALIKE: (first.spread + second.spread <= 0)
        | ((measure == RATIO) & (np.minimum(first.before, second.before) <= 0)),
        SKEWED: measure.isin(PLAIN) & ~is_mean_trusted(first, second, buyers),
    }
    reason = np.full(len(treated), None, dtype=object)
    for text, holds in reversed(cases.items()):
        reason[holds] = text
    return reason


def _critical(treated: pd.DataFrame, control: pd.DataFrame) -> Floats:
    """Return the standard errors to each side of campaigns whose windows are not over; NaN at the verdict."""
    is_over = [(frame["window_end_date"] <= frame["as_of_date"]).to_numpy() for frame in (treated, control)]
    elapsed = np.minimum(treated["elapsed_share"].to_numpy(float), control["elapsed_share"].to_numpy(float))
    return np.where(is_over[0] & is_over[1], np.nan, always_valid_critical(np.clip(elapsed, 1e-9, 1.0)))


def _compare(measure: str, treated: pd.DataFrame, control: pd.DataFrame, critical: Floats) -> Difference:
    first, second = _arm(treated), _arm(control)
    if measure in SHARES:
        return difference_of_shares(first.total, first.customers, second.total, second.customers, critical)
    if measure == RATIO:
        return difference_of_ratios(first, second, critical)
    theta = 0.0 if measure in PLAIN else slope(first, second)
    return difference_of_means(first, second, theta, critical)


def _judge_together(result: pd.DataFrame, chosen: NDArray[np.bool_]) -> None:
    """Shrink effects that have a verdict, and correct their p-values for their number."""
    rows = result[chosen]
    error = ((rows["effect_high"] - rows["effect_low"]) / (2 * NORMAL)).to_numpy(float)
    result.loc[chosen, "adjusted_p_value"] = adjusted_p_values(rows["p_value"].to_numpy(float))
    result.loc[chosen, list(SHRUNK)] = np.column_stack(shrink(rows["effect"].to_numpy(float), error))


def _arm(frame: pd.DataFrame) -> Arm:
    return Arm(*(frame[name].to_numpy(float) for name in ("customers", *SUMS)))


JOB = Effects()
