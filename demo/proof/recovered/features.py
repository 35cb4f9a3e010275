"""Features: nothing that happened after an as-of date is in them."""

from demo.proof.row import Row, judged
from demo.proof.trial import Trial

RECOMPUTED = """
    with orders as (
        select
            published.customer_id,
            purchases.purchase_date,
            cast(purchases.net_amount as decimal(18, 4)) as net_amount
        from truth.purchases as purchases
        inner join published.core.fct_order as published on 'demo_shop:' || purchases.order_no = published.order_id
        where purchases.is_accepted and not purchases.is_future and published.customer_id <> 'unknown'
    ),

    dates as (
        select distinct as_of_date from features
    ),

    true_features as (
        select
            orders.customer_id,
            dates.as_of_date,
            count(distinct orders.purchase_date) as purchase_days,
            max(orders.purchase_date) as last_purchase_date,
            min(orders.purchase_date) as first_purchase_date,
            sum(orders.net_amount) as net_sales
        from orders inner join dates on orders.purchase_date <= dates.as_of_date
        group by orders.customer_id, dates.as_of_date
    )

    select
        count(*) as rows,
        count(distinct customer_id) as customers,
        count(distinct case when is_different then customer_id end) as different_customers,
        count(case when is_different then 1 end) as different_rows,
        min(case when is_different then as_of_date end) as first_date
    from (
        select
            coalesce(ours.customer_id, truly.customer_id) as customer_id,
            coalesce(ours.as_of_date, truly.as_of_date) as as_of_date,
            ours.purchase_days is distinct from truly.purchase_days
            or ours.recency_days is distinct from date_diff('day', truly.last_purchase_date, truly.as_of_date)
            or ours.tenure_days is distinct from date_diff('day', truly.first_purchase_date, truly.as_of_date)
            or ours.net_sales is distinct from truly.net_sales as is_different
        from features as ours
        full outer join true_features as truly
            on ours.customer_id = truly.customer_id and ours.as_of_date = truly.as_of_date
    )
"""


def measure(trial: Trial) -> list[Row]:
    """Customers whose exported features are not what the true purchases up to each as-of date give: 0.

    purchase_days, recency_days, tenure_days and net_sales of every customer and every as-of date of the feature file,
    recomputed from `truth/purchases` (accepted ones; the shop's orders are known from their day on). Which customer an
    order belongs to is taken from the warehouse: identity has its own measures. One day of leakage shows here.
    """
    found = trial.query(RECOMPUTED).iloc[0]
    note = f"{found['customers']:,} customers, {found['rows']:,} rows"
    if found["different_rows"]:
        note += f"; {found['different_rows']:,} rows differ, the first on {found['first_date']:%Y-%m-%d}"
    lost = trial.value(
        "select count(*) from truth.purchases where is_accepted and not is_future"
        " and 'demo_shop:' || order_no not in (select order_id from published.core.fct_order)"
    )
    return [
        judged(
            "features: customers that differ", float(found["different_customers"]), truth=0.0,
            low=0.0, high=0.0, note=note,
        ),
        judged("features: purchases not in facts", float(lost), truth=0.0, low=0.0, high=0.0),
    ]  # fmt: skip
