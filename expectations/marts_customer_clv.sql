-- Grain: one row per row of marts.customer_clv, with the sums of the customer's statement lines.
-- A customer without a future value has history alone in clv_total, and is_clv_complete says so.
with statement as (
    select
        customer_id,
        sum(amount) as total
    from marts.clv_statement
    group by customer_id
)

select
    clv.customer_id,
    clv.p_alive,
    clv.expected_purchases,
    cast(clv.clv_future_p10 as double) as clv_future_p10,
    cast(clv.clv_future_p50 as double) as clv_future_p50,
    cast(clv.clv_future_p90 as double) as clv_future_p90,
    cast(clv.clv_total - coalesce(statement.total, 0) as double) as total_less_statement,
    cast(clv.clv_total - clv.clv_historic - coalesce(clv.clv_future, 0) as double) as total_less_parts,
    clv.is_clv_complete <> (clv.clv_future is not null)
    or clv.is_clv_complete <> (clv.unavailable_reason is null) as is_unexplained,
    clv.is_clv_complete as is_scored
from marts.customer_clv as clv
left join statement on clv.customer_id = statement.customer_id
