-- Grain: one row per row of marts.customer_clv, with the sum of the customer's statement lines.
with statement as (
    select
        customer_id,
        sum(amount) as amount
    from marts.clv_statement
    group by customer_id
)

select
    customer_id,
    cast(p_alive as double) as p_alive,
    cast(expected_purchases as double) as expected_purchases,
    cast(clv_future_p10 as double) as clv_future_p10,
    cast(clv_future_p50 as double) as clv_future_p50,
    cast(clv_future_p90 as double) as clv_future_p90,
    cast(coalesce(clv_total, 0) - coalesce(statement.amount, 0) as double) as total_less_statement,
    cast(coalesce(clv_total, 0) - coalesce(clv_historic, 0) - coalesce(clv_future, 0) as double) as total_less_parts,
    clv_future is not null as is_scored
from marts.customer_clv
full join statement using (customer_id)
