"""The job `churn`: the probability of no purchase in the days after the as-of date.

Churn without a contract is a probability: no purchase in the `horizon` days after a cut-off. It is asked of customers
at risk, those who bought in the last 182 days (or the horizon, if longer). Who has been away for longer has left
already (`lifecycle_stage` says so); counting the obvious would flatter every model.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from mining import evaluation
from mining.churn import features
from mining.churn.families import PURCHASE_ODDS
from mining.churn.features import FAMILY_OF, design
from mining.churn.model import ChurnModel
from mining.churn.scoring import score, score_horizons, unscored, unscored_horizons
from mining.churn.training import BASELINE, at_risk, train
from mining.contract import mart_schema
from mining.evaluation import Floats
from mining.protocol import About, Frames, Options, Table, TrainedJob
from mining.purchases import clock, regularity, rhythm
from mining.reports import groups
from mining.sound import SHARE, Claims
from mining.store import STAMP, FeatureSet, day_columns
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

SCHEMA = pa.schema(
    {
        **STAMP,
        "model_version": pa.string(),
        "kind": pa.string(),
        "horizon_days": pa.int32(),
        "churn_probability": pa.float64(),
        "reason_1": pa.string(),
        "reason_2": pa.string(),
        "reason_3": pa.string(),
        "action_1": pa.string(),
        "action_2": pa.string(),
        "action_3": pa.string(),
        "risk_band": pa.string(),
        "unavailable_reason": pa.string(),
    }
)
ABOUT = About(
    title="Churn",
    purpose="Which of the customers who bought lately are likely to buy nothing for a while: whom to write to first, "
    "and what may be lost with them.",
    not_for=(
        "deciding about one person alone (credit, a contract, prices): it ranks customers, and is wrong about many",
        "saying that somebody has left for good: it asks about a number of days",
        "saying why: a reason is an association that the model found, and no cause",
        "saying what a campaign would change: that takes a control group (marts.campaign_performance)",
    ),
    target="1 where a customer buys nothing in the {horizon_days} days after a cut-off, else 0; asked of customers "
    "with a purchase in the {at_risk_days} days before it",
    candidates={"log_loss": "log loss on the last cut-off, smaller is better"},
    calibration={
        "predicted_rate": "mean probability",
        "observed_rate": "share that bought nothing",
        "calibration_slope": "1 where probabilities are neither too extreme nor too timid",
        "calibration_intercept": "0 where they are right on average",
        "expected_calibration_error": "mean distance of probability and share",
    },
    coverage={},
)
CLAIMS = Claims({"churn_probability": SHARE}, texts=("risk_band",))
HORIZON_CLAIMS = Claims({"churn_probability": SHARE}, key=("customer_id", "horizon_days"))


class Churn(TrainedJob):
    """Scores of every customer, null for those who have been away for long."""

    name = "churn"
    baseline = BASELINE
    about = ABOUT
    reads_calendar = True
    is_by_row = True
    reads = features.COLUMNS | clock.COLUMNS | regularity.COLUMNS | rhythm.COLUMNS | evaluation.COLUMNS | groups.COLUMNS
    tables: ClassVar[Mapping[str, Table]] = {
        "churn": Table(SCHEMA, CLAIMS),
        "churn_horizons": Table(mart_schema("churn_horizons"), HORIZON_CLAIMS),
    }

    def needs(self, settings: Settings) -> Options:
        """A model answers for its horizons."""
        first, *longer = settings.churn_horizons
        return {"horizon_days": first, "longer_horizons": longer}

    def options(self, settings: Settings) -> Options:
        """As `needs`."""
        return self.needs(settings)

    def of_all(self, settings: Settings, as_of: dt.date, sources: Sequence[str]) -> Options:
        """The rhythm of the typical customer, a median over everybody."""
        return {"typical": rhythm.typical_rhythm(day_columns(settings, as_of, sources, rhythm.TYPICAL))}

    def train(self, features: FeatureSet, needs: Options) -> Model:
        """See `training.train`."""
        return train(features, **needs)

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:
        """See `scoring.score`."""
        assert model is not None
        frame = features.at(features.as_of)
        scored = score(frame, model, horizon_days=options["horizon_days"], typical=options["typical"])
        horizons = score_horizons(frame, scored, model, options["longer_horizons"])
        return {"churn": scored, "churn_horizons": horizons}

    def inputs(self, frame: pd.DataFrame, model: Model) -> Mapping[str, Floats]:
        """See `TrainedJob.inputs`; without the purchase model's log-odds, which follow the season as they should."""
        asked = frame[at_risk(frame, model["parameters"]["horizon_days"])]
        fitted = ChurnModel.from_json(model["model"])
        names = tuple(name for name in fitted.inputs if name != PURCHASE_ODDS)
        return design(asked, names, fitted.typical_gap)

    def meanings(self, names: Sequence[str]) -> Mapping[str, str]:
        """Describe inputs by their family."""
        return {name: FAMILY_OF[name].description for name in names}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:
        """See `scoring.unscored`."""
        scored = unscored(features.at(features.as_of), reason, horizon_days=options["horizon_days"])
        return {"churn": scored, "churn_horizons": unscored_horizons(scored, options["longer_horizons"])}


JOB = Churn()
