"""Customers older than the data: who is flagged, and who truly is."""

from demo.proof.row import Row, does_not_apply, judged
from demo.proof.trial import Trial
from demo.world.company import UTC_OFFSET
from demo.world.laws import START

FLAGGED = """
    select
        customers.is_left_truncated as is_flagged,
        persons.arrived_at < cast($start as timestamp) - to_seconds($offset) as is_older
    from published.core.dim_customer as customers
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    where customers.is_left_truncated is not null
    order by customers.customer_id
"""
PRECISION, RECALL = (
    "truncation: of flagged, truly older",
    "truncation: of older, flagged",
)


def measure(trial: Trial) -> list[Row]:
    """Precision and recall of `is_left_truncated`: the first purchase may not be the first."""
    frame = trial.query(FLAGGED, {"start": START, "offset": UTC_OFFSET})
    if not frame["is_older"].any():
        reason = "no customer is older than the data in this world"
        return [does_not_apply(PRECISION, f"{reason}; {int(frame['is_flagged'].sum()):,} flagged")]
    both = float((frame["is_flagged"] & frame["is_older"]).sum())
    flagged, older = float(frame["is_flagged"].sum()), float(frame["is_older"].sum())
    return [
        judged(PRECISION, both / flagged if flagged else float("nan"), truth=1.0, naive=older / len(frame)),
        judged(RECALL, both / older, truth=1.0),
    ]
