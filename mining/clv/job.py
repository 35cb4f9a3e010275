"""The job `clv`: what a customer will buy and bring within a horizon, as a mean and as quantiles.

The same model says what the future is worth at other rates and over other horizons, and what a return would be worth.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from mining import evaluation
from mining.clv import models, training
from mining.clv.scoring import MONEY, score, unscored
from mining.clv.sensitivity import sensitivity, unknown_sensitivity
from mining.clv.training import BASELINE, train
from mining.contract import amount_type
from mining.protocol import About, Frames, Options, Table, TrainedJob
from mining.purchases import clock, regularity
from mining.purchases.history import Floats
from mining.reports import groups
from mining.sound import AMOUNT, COUNT, SHARE, Claims
from mining.store import STAMP, FeatureSet
from mining.winback.scoring import no_returns, returns
from pipeline.base import catalog
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

SCHEMA = pa.schema(
    {
        **STAMP,
        "model_version": pa.string(),
        "time_unit": pa.string(),
        "horizon_days": pa.int32(),
        "annual_discount_rate": pa.float64(),
        "p_alive": pa.float64(),
        "expected_purchases": pa.float64(),
        "expected_spend": pa.float64(),
        "clv_future": amount_type(),
        "clv_future_p10": amount_type(),
        "clv_future_p50": amount_type(),
        "clv_future_p90": amount_type(),
        "expected_next_order_date": pa.date32(),
        "value_if_stays": amount_type(),
        "value_if_leaves": amount_type(),
        "unavailable_reason": pa.string(),
    }
)
INPUTS = ("purchase_days", "recency_days", "tenure_days", "spend_days", "spend_amount")
ABOUT = About(
    title="Lifetime value",
    purpose="What each customer is expected to buy and bring in the days ahead: how much a customer is worth keeping, "
    "and what all customers together are worth.",
    not_for=(
        "deciding about one person alone (credit, a contract, prices): the interval of one customer is wide",
        "planning what newcomers will buy: customers who have not bought yet are in no sum",
        "saying what an offer would change: that takes a control group (marts.campaign_performance)",
    ),
    target="purchase days, and net sales before returns and costs, of each customer in the {horizon_days} days after "
    "the as-of day",
    candidates={
        "rmse": "error in purchases in the last holdout, smaller is better",
        "predicted_over_actual": "expected purchases over those that came",
        "log_likelihood": "of the histories, larger is likelier",
    },
    calibration={
        "predicted_over_actual": "expected purchases over those that came",
        "poisson_slope": "1 where expectations are neither too extreme nor too timid",
        "value_predicted_over_actual": "expected net sales over those that came",
        "pit_deviation": "0 where the whole distribution of purchases is right",
    },
    coverage={
        "value_share_p10_to_p90": "share of customers between the 10 % and the 90 % quantile of their value; .8 or "
        "more, since many buy nothing, which is a quantile and more",
        "value_share_up_to_p50": "share at or below the median; .5 or more",
    },
)
CLAIMS = Claims(
    {"p_alive": SHARE, "expected_purchases": COUNT, **dict.fromkeys(("expected_spend", *MONEY), AMOUNT)},
    ascending=("clv_future_p10", "clv_future_p50", "clv_future_p90"),
)

SENSITIVITY_SCHEMA = pa.schema(
    {
        **STAMP,
        "horizon_days": pa.int32(),
        "annual_discount_rate": pa.float64(),
        "value_factor": pa.float64(),
        "unavailable_reason": pa.string(),
    }
)
SENSITIVITY_CLAIMS = Claims({"value_factor": COUNT}, key=("customer_id", "horizon_days", "annual_discount_rate"))
WINBACK_SCHEMA = pa.schema(
    {
        **STAMP,
        "model_version": pa.string(),
        "horizon_days": pa.int32(),
        "p_return": pa.float64(),
        "value_after_return": amount_type(),
        "chance_floor": pa.float64(),
        "chance_holds_until": pa.date32(),
        "unavailable_reason": pa.string(),
    }
)
WINBACK_CLAIMS = Claims({"p_return": SHARE, "chance_floor": SHARE, "value_after_return": AMOUNT})


class LifetimeValue(TrainedJob):
    """Future value of every customer who has bought."""

    name = "clv"
    baseline = BASELINE
    about = ABOUT
    reads_calendar = True
    is_by_row = True
    reads = clock.COLUMNS | regularity.COLUMNS | models.COLUMNS | training.COLUMNS | evaluation.COLUMNS | groups.COLUMNS
    tables: ClassVar[Mapping[str, Table]] = {
        "clv": Table(SCHEMA, CLAIMS),
        "clv_sensitivity": Table(SENSITIVITY_SCHEMA, SENSITIVITY_CLAIMS),
        "winback": Table(WINBACK_SCHEMA, WINBACK_CLAIMS),
    }

    def needs(self, settings: Settings) -> Options:
        """A model is judged for one horizon; the rate is recorded with it."""
        return {
            "horizon_days": settings.clv_horizon_days,
            "annual_discount_rate": settings.annual_discount_rate,
        }

    def options(self, settings: Settings) -> Options:
        """As `needs`, the days in which a purchase says that a customer stays, and the other horizons and rates."""
        return {
            **self.needs(settings),
            "churn_horizon_days": settings.churn_horizon_days,
            "horizons": settings.sensitivity_horizons,
            "rates": settings.sensitivity_rates,
        }

    def train(self, features: FeatureSet, needs: Options) -> Model:
        """See `training.train`."""
        return train(features, **needs)

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:
        """See `scoring.score`, `sensitivity.sensitivity` and `winback.scoring.returns`."""
        assert model is not None
        frame, value, grid = features.at(features.as_of), *_split(options)
        return {
            "clv": score(frame, model, currency=features.currency, **value),
            "clv_sensitivity": sensitivity(frame, model, **grid),
            "winback": returns(
                frame, model, currency=features.currency, **{name: options[name] for name in self._question}
            ),
        }

    def inputs(self, frame: pd.DataFrame, model: Model) -> Mapping[str, Floats]:  # noqa: ARG002
        """See `TrainedJob.inputs`: the columns of a history, and of its spend."""
        return {name: frame[name].to_numpy(np.float64) for name in INPUTS}

    def meanings(self, names: Sequence[str]) -> Mapping[str, str]:
        """Describe the columns as their yml does."""
        columns = {column.name: column.description for column in catalog.table("customer_features").columns}
        return {name: " ".join(columns[name].split()).removesuffix(".") for name in names}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:
        """The same tables without scores."""
        frame, value, grid = features.at(features.as_of), *_split(options)
        return {
            "clv": unscored(frame, reason, **value),
            "clv_sensitivity": unknown_sensitivity(frame, reason, **grid),
            "winback": no_returns(frame, reason),
        }

    _question = ("horizon_days", "annual_discount_rate")


def _split(options: Options) -> tuple[Options, Options]:
    """Return the options of the published value, and those of other horizons and rates."""
    grid = {name: options[name] for name in ("horizon_days", "annual_discount_rate", "horizons", "rates")}
    return {name: options[name] for name in options if name not in ("horizons", "rates")}, grid


JOB = LifetimeValue()
