"""Segments: how well the published groups match the classes of the world."""

from demo.proof.row import Row, does_not_apply, judged, refused
from demo.proof.statistics import adjusted_rand
from demo.proof.trial import Trial

FOUND, TIERS, CLAIMED = (
    "segments: adjusted Rand, segments",
    "segments: adjusted Rand, tiers",
    "segments: adjusted Rand, behaviour",
)
GROUPS = """
    select persons.latent_class, segments.segment_name, segments.tier
    from published.marts.customer_segments as segments
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    where segments.segment_name is not null
    order by segments.customer_id
"""
BEHAVIOUR = """
    select
        persons.latent_class,
        oracle.likely_class,
        coalesce(segments.behaviour_id, 'none') as behaviour_id
    from published.marts.behaviour_segments as segments
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    inner join truth.oracle_classes as oracle using (person_id)
    inner join (
        select customer_id
        from published.core.fct_order
        where is_purchase
        group by customer_id
        having count(distinct order_date) >= 3
    ) as often using (customer_id)
    order by segments.customer_id
"""
LEAST_OF_ORACLE = 0.5
"""Share of the oracle's index that published groups must reach."""


def measure(trial: Trial) -> list[Row]:
    """Adjusted Rand index of `segment_name`, `tier` and `behaviour_id` against the latent classes.

    1 is the classes, 0 what unrelated groups reach. Segments and tiers are rules, over customers who have bought.
    Behavioural groups are over customers with three purchase days or more, those without a group as a group of their
    own; beside them the oracle's likeliest class of the same persons. In a world with one class there is nothing to
    find, and whatever is published is wrong.
    """
    classes = trial.query("select count(distinct latent_class) as classes from truth.persons")["classes"].iloc[0]
    is_published, decision = trial.decision("behaviour")
    if classes < 2:
        reason = "this world has one class"
        claimed = judged(CLAIMED, float(is_published), truth=0.0, high=0.0, note=decision)
        return [does_not_apply(FOUND, reason), does_not_apply(TIERS, reason), claimed]
    groups = trial.query(GROUPS)
    known = groups[groups["tier"].notna()]
    return [
        judged(
            FOUND, adjusted_rand(groups["segment_name"], groups["latent_class"]), truth=1.0, naive=0.0,
            note=f"{groups['segment_name'].nunique()} segments, {classes} classes; segments are rules (RFM)",
        ),
        judged(TIERS, adjusted_rand(known["tier"], known["latent_class"]), truth=1.0, naive=0.0),
        _behaviour(trial) if is_published else refused(CLAIMED, decision),
    ]  # fmt: skip


def _behaviour(trial: Trial) -> Row:
    found = trial.query(BEHAVIOUR)
    oracle = adjusted_rand(found["likely_class"], found["latent_class"])
    return judged(
        CLAIMED, adjusted_rand(found["behaviour_id"], found["latent_class"]), truth=1.0, oracle=oracle, naive=0.0,
        low=LEAST_OF_ORACLE * oracle,
        note=f"{found['behaviour_id'].nunique() - 1} groups, {(found['behaviour_id'] != 'none').mean():.0%} have one",
    )  # fmt: skip
