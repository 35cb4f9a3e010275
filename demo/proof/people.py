"""Match the published customers with the true persons.

A customer belongs to the person who has most of its records (of equals, the lowest number). A prediction for a person
is made of those of all customers that belong to the person: expected purchases and value add up, the chance of no
purchase multiplies. A person whose records all went into another person's customer has no customer. Such a person
counts as predicted to buy nothing, so that a wrong merge has its cost.
"""

import pandas as pd

from demo.proof.trial import Trial

LINKS = """
    create or replace temp table links as
    select records.person_id, ids.customer_id, count(*) as records
    from truth.records as records
    inner join contacts.customer_source_id as ids
        on records.source_system = ids.source_system
        and cast(records.source_customer_id as varchar) = ids.source_customer_id
    where ids.customer_id <> 'unknown'
    group by records.person_id, ids.customer_id
"""
OWNERS = """
    create or replace temp table owners as
    select customer_id, person_id, total from (
        select *, sum(records) over (partition by customer_id) as total,
            row_number() over (partition by customer_id order by records desc, person_id) as place
        from links
    ) where place = 1
"""
ACTUAL = """
    create or replace temp table buyers as
    select
        person_id,
        count(distinct case when purchase_date > $as_of and purchase_date <= $as_of + $days then purchase_date end)
            as purchases,
        coalesce(sum(
            case when purchase_date > $as_of and purchase_date <= $as_of + $days then
                cast(net_amount as double) * exp(-$daily_rate * date_diff('day', $as_of, purchase_date))
            end), 0.0) as value,
        bool_or(purchase_date > $as_of and purchase_date <= $as_of + $churn_days) as has_soon_bought
    from truth.purchases
    group by person_id
    having bool_or(is_accepted and not is_future and purchase_date <= $as_of)
"""


def link(trial: Trial) -> None:
    """Make the tables `links` (person, customer, records) and `owners` (customer, its person)."""
    trial.connection.execute(LINKS)
    trial.connection.execute(OWNERS)


def record_pairs(trial: Trial) -> pd.DataFrame:
    """Return every record that is published, with its customer and its true person."""
    return trial.query(
        "select records.source_system, records.person_id, ids.customer_id from truth.records as records"
        " inner join contacts.customer_source_id as ids on records.source_system = ids.source_system"
        " and cast(records.source_customer_id as varchar) = ids.source_customer_id order by all"
    )


def buyers(trial: Trial, *, days: int, churn_days: int, daily_rate: float) -> None:
    """Make the table `buyers`: persons seen to buy by the as-of day, and what they truly did after it.

    Purchases are days with a purchase, as in the features; value is discounted at `daily_rate` as the score file's is.
    """
    parameters = {"as_of": trial.as_of, "days": days, "churn_days": churn_days, "daily_rate": daily_rate}
    trial.connection.execute(ACTUAL, parameters)
