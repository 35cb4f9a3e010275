"""The job `attribution`: the removal effect of each touchpoint, by which `marts.attribution` shares purchases out."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from mining.attribution.markov import removal_effects
from mining.protocol import Frames, Job, Options, Table
from mining.sound import SHARE, Claims
from mining.store import TOUCH_TRANSITIONS, FeatureSet
from pipeline.base.model_files import Model

SCHEMA = pa.schema(
    {
        "state": pa.string(),
        "as_of_date": pa.date32(),
        "run_id": pa.string(),
        "removal_effect": pa.float64(),
        "unavailable_reason": pa.string(),
    }
)


class Attribution(Job):
    """No row where no way of touchpoints ends with a purchase; the mart then shares equally."""

    name = "attribution"
    source = TOUCH_TRANSITIONS
    is_optional = True
    reads = frozenset({"transitions"})
    tables: ClassVar[Mapping[str, Table]] = {
        "attribution": Table(SCHEMA, Claims({"removal_effect": SHARE}, key=("state",)))
    }

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `removal_effects`."""
        effects = removal_effects(features.at(features.as_of)).rename_axis("state")
        return {"attribution": effects.rename("removal_effect").reset_index().assign(unavailable_reason=None)}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per state that ways leave, without its effect, and with the reason."""
        states = features.at(features.as_of)[["from_state"]].drop_duplicates().rename(columns={"from_state": "state"})
        return {"attribution": states.reindex(columns=SCHEMA.names).assign(unavailable_reason=reason)}


JOB = Attribution()
