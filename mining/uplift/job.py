"""The job `uplift`: whom a randomised campaign changes most, where that can be told."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from mining.protocol import About, Frames, Options, Table, TrainedJob
from mining.sound import ANY, COUNT, Claims
from mining.store import CAMPAIGN_CUSTOMERS, FeatureSet, with_population
from mining.uplift.inputs import COLUMNS
from mining.uplift.scoring import score
from mining.uplift.training import BASELINE, train
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

SCHEMA = pa.schema(
    {
        "campaign_id": pa.string(),
        "customer_id": pa.string(),
        "as_of_date": pa.date32(),
        "run_id": pa.string(),
        "model_version": pa.string(),
        "uplift_rank": pa.int64(),
        "uplift_class": pa.string(),
        "expected_uplift": pa.float64(),
        "expected_purchases": pa.float64(),
        "margin_share": pa.float64(),
        "unavailable_reason": pa.string(),
    }
)
ABOUT = About(
    title="Uplift",
    purpose="Whom a contact changes most, of campaigns that had a control group: whom to contact first when a campaign "
    "of the kind runs again.",
    not_for=(
        "saying who will buy: it is the difference that a contact makes, and most of those who buy need none",
        "another campaign, channel or offer than the one that it learned from",
        "campaigns without a random control group",
    ),
    target="what a customer buys within the window of a campaign when contacted, less what the same customer buys when "
    "not contacted; nobody is seen in both, so that only means of groups can be judged",
    candidates={},
    calibration={},
    coverage={},
)
CLAIMS = Claims(
    {"uplift_rank": COUNT, "expected_uplift": ANY, "expected_purchases": COUNT},
    texts=("uplift_class",),
    key=("campaign_id", "customer_id"),
)


class Uplift(TrainedJob):
    """Scores of everybody for the campaigns that give a list; of others `marts.campaign_uplift_evidence` says why."""

    name = "uplift"
    source = CAMPAIGN_CUSTOMERS
    reads = COLUMNS | {"arm", "outcome_purchases", "outcome_net_sales", "outcome_margin", "start_date"}
    baseline = BASELINE
    about = ABOUT
    tables: ClassVar[Mapping[str, Table]] = {"uplift": Table(SCHEMA, CLAIMS)}

    def read(self, settings: Settings, as_of: dt.date, sources: Sequence[str]) -> FeatureSet:
        """Read the customers of campaigns and, where there are any, the customers of the as-of day."""
        features = super().read(settings, as_of, sources)
        return with_population(features, settings, sources, COLUMNS) if features.table.num_rows else features

    def needs(self, settings: Settings) -> Options:  # noqa: ARG002  nothing in the settings changes the question
        """Nothing."""
        return {}

    def train(self, features: FeatureSet, needs: Options) -> Model:
        """See `training.train`."""
        return train(features, dict(needs))

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:
        """See `scoring.score`."""
        if model is None or features.population is None:
            return self.unscored(features, "", options)
        return {"uplift": score(features.population_at(features.as_of), model)}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """No rows: there is no list."""
        return {"uplift": pd.DataFrame(columns=SCHEMA.names)}


JOB = Uplift()
