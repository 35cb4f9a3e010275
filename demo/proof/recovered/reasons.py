"""Reasons of churn: the model says 'service' only where service makes customers leave."""

import re

from demo.proof.row import Row, does_not_apply, judged, refused
from demo.proof.trial import Trial

NAMED, PRECISION = (
    "reasons: share told a service reason",
    "reasons: of these, left for service",
)
SERVICE_WORDS = re.compile(r"complain|wait|satisf|recommend|service|\bcases?\b|\bcontacts?\b", re.IGNORECASE)
SERVICE_CAUSES = ("core_service_failure", "service_encounter")
WITHOUT_EFFECT = ("null", "clean", "regular", "correlated", "truncated", "shock")

REASONS = """
    select
        churn.customer_id,
        concat_ws(' | ', churn.reason_1, churn.reason_2, churn.reason_3) as reasons,
        coalesce(persons.leaving_reason in $causes, false) as has_cause
    from published.marts.customer_churn as churn
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    where churn.churn_probability is not null
    order by churn.customer_id
"""


def measure(trial: Trial) -> list[Row]:
    """Service among reason_1 to reason_3 of the customers with a probability, and how often it is the true cause.

    In worlds where service has no effect on leaving, no customer may be given a service reason (complaints, waiting,
    satisfaction): 0. Elsewhere it is the share of the customers given one who leave because of a service failure within
    the simulated time (`truth/persons.leaving_reason`). The naive baseline says 'service' to all customers.
    """
    frame = trial.query(REASONS, {"causes": list(SERVICE_CAUSES)})
    if frame.empty:
        decision = trial.decision("churn")[1]
        return [refused(NAMED, decision), refused(PRECISION, decision)]
    told = frame["reasons"].map(lambda text: bool(SERVICE_WORDS.search(text))).to_numpy(bool)
    share = float(told.mean())
    if trial.world in WITHOUT_EFFECT:
        rule = judged(NAMED, share, truth=0.0, low=0.0, high=0.0, note="service has no effect in this world")
        return [rule, does_not_apply(PRECISION, "no customer leaves because of service in this world")]
    cause = frame["has_cause"].to_numpy(bool)
    note = f"{int(told.sum()):,} of {len(frame):,} customers"
    rows = [judged(NAMED, share, truth=float(cause.mean()), note=note)]
    if not told.any():
        return [*rows, does_not_apply(PRECISION, "no customer is told a service reason")]
    return [*rows, judged(PRECISION, float(cause[told].mean()), truth=1.0, naive=float(cause.mean()))]
