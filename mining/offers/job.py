"""The job `offers`: what is due again for each customer, and what is new, ranked, with the reason."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from mining.offers.scoring import score_offers, without
from mining.offers.training import BASELINE, train
from mining.protocol import About, Frames, Options, Table, TrainedJob
from mining.sound import SHARE, Claims
from mining.store import ITEM_PURCHASES, STAMP, FeatureSet
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

HORIZON_DAYS = 28
SCHEMA = pa.schema(
    {
        **STAMP,
        "model_version": pa.string(),
        "kind": pa.string(),
        "offer_rank": pa.int32(),
        "item_level": pa.string(),
        "item_id": pa.string(),
        "horizon_days": pa.int32(),
        "probability": pa.float64(),
        "purchase_days": pa.int64(),
        "last_bought_date": pa.date32(),
        "usual_gap_days": pa.float64(),
        "because_item_id": pa.string(),
        **dict.fromkeys(("bought_both", "confidence", "lift", "lift_low", "lift_high", "buyers_share"), pa.float64()),
        "unavailable_reason": pa.string(),
    }
)
ABOUT = About(
    title="Offers",
    purpose="What a customer is likely to buy next: what is due again, and what would be new. For a message, a call or "
    "a page that shows a few items.",
    not_for=(
        "saying what an offer adds: the probability is of a purchase without any offer",
        "prices or stock: neither is known to it",
        "items that hardly anybody has bought yet",
    ),
    target="which items a customer buys within {horizon_days} days, those bought before and others apart",
    candidates={},
    calibration={},
    coverage={},
)
CLAIMS = Claims(
    {"probability": SHARE, "offer_rank": (1.0, 5.0)},
    texts=("kind", "item_level", "item_id"),
    key=("customer_id", "kind", "offer_rank"),
)


class Offers(TrainedJob):
    """Offers of every customer who has bought an item; two kinds, each ranked by what won out of time."""

    name = "offers"
    source = ITEM_PURCHASES
    baseline = BASELINE
    about = ABOUT
    is_optional = True
    reads = frozenset({"category", "known_date"})
    tables: ClassVar[Mapping[str, Table]] = {"offers": Table(SCHEMA, CLAIMS)}

    def needs(self, settings: Settings) -> Options:  # noqa: ARG002  the horizon is the job's own
        """A model answers for one horizon."""
        return {"horizon_days": HORIZON_DAYS}

    def train(self, features: FeatureSet, needs: Options) -> Model:
        """See `training.train`."""
        return train(features, **needs)

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `scoring.score_offers`."""
        assert model is not None
        return {"offers": score_offers(features, model["model"]).assign(horizon_days=HORIZON_DAYS)}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per customer without an offer, and with the reason."""
        customers = sorted(set(features.customers))
        return {"offers": without(customers, reason).assign(horizon_days=HORIZON_DAYS)}


JOB = Offers()
