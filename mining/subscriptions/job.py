"""The job `subscriptions`: the chance that a running contract ends within several horizons.

With a contract, leaving is an event that is seen: it is forecast from renewal to renewal, the ends that a customer
chose apart from those that nobody did (a payment that failed).
"""

from collections.abc import Mapping
from typing import ClassVar

from mining.contract import mart_schema
from mining.protocol import About, Frames, Options, Table, TrainedJob
from mining.sound import COUNT, SHARE, Claims
from mining.store import SUBSCRIPTION_TERMS, FeatureSet
from mining.subscriptions.scoring import score, unscored
from mining.subscriptions.terms import COLUMNS
from mining.subscriptions.training import BASELINE, train
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

ABOUT = About(
    title="Ends of subscriptions",
    purpose="Which of the contracts that run are likely to end: whom to speak to before the next renewal, and how much "
    "of the revenue under contract stays.",
    not_for=(
        "deciding about one person alone: it ranks contracts, and is wrong about many",
        "saying why: a reason that was stated stands in marts.churn_reasons",
        "contracts of a kind that has not ended yet: nothing can be learned of them",
    ),
    target="whether a running contract ends within each of {horizons} days, and whether the customer chose it",
    candidates={"log_loss": "log loss on earlier windows, smaller is better"},
    calibration={
        "predicted_rate": "mean probability",
        "observed_rate": "share that ended",
    },
    coverage={},
)
CLAIMS = Claims(
    {
        "end_probability": SHARE,
        "voluntary_probability": SHARE,
        "involuntary_probability": SHARE,
        "renewals": COUNT,
    },
    key=("subscription_id", "horizon_days"),
)


class Subscriptions(TrainedJob):
    """Scores of every running subscription; no run where no source brings subscriptions."""

    name = "subscriptions"
    baseline = BASELINE
    about = ABOUT
    source = SUBSCRIPTION_TERMS
    is_by_row = True
    is_optional = True
    reads = COLUMNS
    tables: ClassVar[Mapping[str, Table]] = {"subscription_ends": Table(mart_schema("subscription_ends"), CLAIMS)}

    def needs(self, settings: Settings) -> Options:
        """A model is judged for its horizons, which are those of churn."""
        return {"horizons": settings.churn_horizons}

    def options(self, settings: Settings) -> Options:
        """As `needs`."""
        return self.needs(settings)

    def train(self, features: FeatureSet, needs: Options) -> Model:
        """See `training.train`."""
        return train(features, **needs)

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:
        """See `scoring.score`."""
        assert model is not None
        return {"subscription_ends": score(features.at(features.as_of), features.as_of, model, **options)}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:
        """See `scoring.unscored`."""
        return {"subscription_ends": unscored(features.at(features.as_of), features.as_of, reason, **options)}


JOB = Subscriptions()
