"""Segments: how well the published groups match the classes of the world."""

from demo.proof.row import Row, does_not_apply, judged, not_yet
from demo.proof.statistics import adjusted_rand
from demo.proof.trial import Trial

FOUND, TIERS, CLAIMED = (
    "segments: adjusted Rand, segments",
    "segments: adjusted Rand, tiers",
    "segments: classes claimed",
)
GROUPS = """
    select persons.latent_class, segments.segment_name, segments.tier
    from published.marts.customer_segments as segments
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    where segments.segment_name is not null
    order by segments.customer_id
"""
NO_MODEL = "segments are rules (RFM), so no model claims that there are classes"


def measure(trial: Trial) -> list[Row]:
    """Adjusted Rand index of `segment_name` and `tier` against the latent classes, over customers who have bought.

    1 is the classes, 0 what unrelated groups reach. In a world with one class there is nothing to find. No model claims
    classes yet.
    """
    classes = trial.query("select count(distinct latent_class) as classes from truth.persons")["classes"].iloc[0]
    claimed = not_yet(CLAIMED, NO_MODEL)
    if classes < 2:
        reason = "this world has one class"
        return [does_not_apply(FOUND, reason), does_not_apply(TIERS, reason), claimed]
    groups = trial.query(GROUPS)
    known = groups[groups["tier"].notna()]
    return [
        judged(
            FOUND, adjusted_rand(groups["segment_name"], groups["latent_class"]), truth=1.0, naive=0.0,
            note=f"{groups['segment_name'].nunique()} segments, {classes} classes; segments are rules (RFM)",
        ),
        judged(TIERS, adjusted_rand(known["tier"], known["latent_class"]), truth=1.0, naive=0.0),
        claimed,
    ]  # fmt: skip
