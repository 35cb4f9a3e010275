-- Grain: one row per (kind, period_months, month_start_date, from_value, to_value): who moved from which group to
-- which in a month, or in the year to the as-of date, the customers who stayed included. Cells of too few customers
-- are withheld, and others with them, so that sums of rows and columns do not tell (docs/decisions.md). Which
-- customers moved: customer_stage_history, customer_tier_history, customer_score_history.
{% set text = contract_type('text') %}

with moves as (
    select
        *,
        kind || ' ' || cast(period_months as {{ text }}) || ' ' || cast(month_start_date as {{ text }}) as family
    from {{ ref('part_segment_move') }}
),

groups as (
    select
        kind,
        period_months,
        month_start_date,
        family,
        from_value,
        sum(customers) as from_customers
    from moves
    group by kind, period_months, month_start_date, family, from_value
),

withheld as (
    select * from {{ ref('part_withheld_cell') }}
    where table_name = 'segment_migration'
),

-- A withheld cell may be empty.
cells as (
    select
        family,
        from_value,
        to_value
    from moves
    union
    select
        family,
        row_name as from_value,
        column_name as to_value
    from withheld
)

select
    groups.kind,
    groups.period_months,
    groups.month_start_date,
    cells.from_value,
    cells.to_value,
    {{ as_of_date() }} as as_of_date,
    case when withheld.family is not null then 'of too few customers' end as unavailable_reason,
    cells.from_value <> cells.to_value as is_move,
    cast(groups.from_customers as bigint) as from_customers,
    cast(case when withheld.family is null then moves.customers end as bigint) as customers,
    case
        when withheld.family is null then {{ quotient('moves.customers', 'groups.from_customers', 6) }}
    end as share_of_from
from cells
inner join groups on cells.family = groups.family and cells.from_value = groups.from_value
left join moves
    on cells.family = moves.family and cells.from_value = moves.from_value and cells.to_value = moves.to_value
left join withheld
    on cells.family = withheld.family and cells.from_value = withheld.row_name and cells.to_value = withheld.column_name
