-- Grain: one row per (from_category, to_category): what customers buy next, by the main category of consecutive
-- purchase days. lift compares with buyers who choose the next category without regard to the last one. Cells of too
-- few customers are withheld, and others with them, so that sums of rows and columns do not tell
-- (docs/decisions.md).
with switches as (
    select * from {{ ref('part_category_switch') }}
),

withheld as (
    select * from {{ ref('part_withheld_cell') }}
    where table_name = 'category_switching'
),

-- A withheld cell may be empty.
cells as (
    select
        from_category,
        to_category
    from switches
    union
    select
        row_name as from_category,
        column_name as to_category
    from withheld
),

joined as (
    select
        cells.from_category,
        cells.to_category,
        withheld.table_name is not null as is_withheld,
        coalesce(switches.purchases, 0) as purchases,
        coalesce(switches.customers, 0) as customers,
        coalesce(sum(switches.purchases) over (partition by cells.from_category), 0) as from_purchases,
        coalesce(sum(switches.purchases) over (partition by cells.to_category), 0) as to_purchases,
        coalesce(sum(switches.purchases) over (), 0) as all_purchases
    from cells
    left join switches on cells.from_category = switches.from_category and cells.to_category = switches.to_category
    left join withheld on cells.from_category = withheld.row_name and cells.to_category = withheld.column_name
)

select
    from_category,
    to_category,
    {{ as_of_date() }} as as_of_date,
    case when is_withheld then 'of too few customers' end as unavailable_reason,
    case
        when from_category <> 'other categories' or to_category <> 'other categories' then from_category <> to_category
    end as is_switch,
    cast(from_purchases as bigint) as from_purchases,
    cast(case when not is_withheld then purchases end as bigint) as purchases,
    cast(case when not is_withheld then customers end as bigint) as customers,
    case when not is_withheld then {{ quotient('purchases', 'from_purchases', 6) }} end as share_of_from,
    case
        when not is_withheld
            then {{ quotient('purchases * all_purchases', '(from_purchases * to_purchases)', 4) }}
    end as lift
from joined
