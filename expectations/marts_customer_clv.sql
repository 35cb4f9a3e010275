-- Grain: one row per row of marts.customer_clv, with the sums of the customer's statement lines.
-- A customer without a future value has no clv_total; history is then what the statement sums to.
with statement as (
    select
        customer_id,
        sum(amount) as total,
        sum(amount) filter (part = 'historic') as historic
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
    cast(coalesce(clv.clv_total, statement.historic) - coalesce(
        case when clv.clv_total is null then clv.clv_historic else statement.total end, 0
    ) as double) as total_less_statement,
    cast(clv.clv_total - clv.clv_historic - clv.clv_future as double) as total_less_parts,
    (clv.clv_total is null) <> (clv.clv_future is null)
    or (clv.clv_total is null) <> (clv.unavailable_reason is not null) as is_unexplained,
    clv.clv_total is not null as is_scored
from marts.customer_clv as clv
left join statement on clv.customer_id = statement.customer_id
