-- Grain: one row per load of a table that carries money, and one for all loads of the table that nobody has accepted.
-- A row in quarantine whose amount is unknown counts as much as the average row. Loads of a few bad rows pass: an order
-- of 99999999999999.99 would otherwise stop a release alone. docs/decisions.md says why 5 % and 5 rows.
with loads as (
    select
        source || '.' || table_name || '.' || "interval" as load,
        source || '.' || table_name as table_of_load,
        list_contains(getvariable('accepted_loads'), source || '.' || table_name || '.' || "interval") as is_accepted,
        * exclude (source, table_name, "interval")
    from ops.quarantined_money
),

groups as (
    select
        load,
        generation,
        is_accepted,
        money_rows,
        known_rows,
        set_aside_rows,
        set_aside_unknown_rows,
        amount,
        set_aside_amount
    from loads
    union all
    select
        table_of_load,
        null as generation,
        false as is_accepted,
        sum(money_rows),
        sum(known_rows),
        sum(set_aside_rows),
        sum(set_aside_unknown_rows),
        sum(amount),
        sum(set_aside_amount)
    from loads
    where not is_accepted
    group by table_of_load
),

shares as (
    select
        load,
        generation,
        is_accepted,
        set_aside_rows,
        (
            case
                when amount > 0 then cast(set_aside_amount as double) / cast(amount as double) * known_rows
                else set_aside_rows - set_aside_unknown_rows
            end + set_aside_unknown_rows
        ) / money_rows as set_aside_share
    from groups
)

select
    load,
    coalesce(cast(generation as varchar), 'all') as generation,
    cast(set_aside_rows as bigint) as set_aside_rows,
    round(set_aside_share, 4) as set_aside_share,
    set_aside_share > 0.05 and set_aside_rows > 5 and not is_accepted as is_too_much
from shares
