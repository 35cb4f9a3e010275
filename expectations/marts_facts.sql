-- Grain: one row. What is missing from the facts, the dimension of customers and marts.customer_360.
-- Marts hold what was known on the as-of date.
select
    'all' as scope,
    (
        select count(*) from core.dim_customer
        where is_unknown
    ) as unknown_members,
    (
        select count(*)
        from core.dim_customer as dim
        cross join marts.release as known_in
        where
            not is_unknown
            and coalesce(
                cast(timezone(known_in.time_zone, timezone('UTC', first_seen_at)) as date) <= getvariable('as_of'),
                true
            )
            and not exists (
                select 1 from marts.customer_360 as mart
                where mart.customer_id = dim.customer_id
            )
    ) as customers_missing
