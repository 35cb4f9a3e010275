-- Grain: one row per (table_name, family, row_name, column_name): cells of two-way tables of customers that are
-- withheld, because they hold too few, or so that these cannot be computed (docs/decisions.md, "Small groups"). A
-- small cell is withheld with three others that make a rectangle with it. What is withheld of a row or column is
-- then not of a few, unless the whole line is; and as customers can be moved around the rectangle without a change
-- of the sums of rows and columns, these do not tell any of the four (Gusfield 1988, SIAM Journal on Computing 17).
-- Chosen is the rectangle with the fewest empty cells, and of these the one that hides least. A table with a small
-- cell and no rectangle is withheld whole. An empty cell is no row and not secret, but where it is a corner.
{% set text = contract_type('text') %}
{% set fewest = of_build('smallest_group') %}

with counted as (
    select
        'segment_migration' as table_name,
        kind || ' ' || cast(period_months as {{ text }}) || ' ' || cast(month_start_date as {{ text }}) as family,
        from_value as row_name,
        to_value as column_name,
        customers as counted
    from {{ ref('part_segment_move') }}
    union all
    select
        'category_switching' as table_name,
        'all' as family,
        from_category as row_name,
        to_category as column_name,
        customers as counted
    from {{ ref('part_category_switch') }}
),

table_rows as (
    select
        table_name,
        family,
        row_name,
        sum(counted) as row_total,
        sum(case when counted < {{ fewest }} then counted else 0 end) as row_small
    from counted
    group by table_name, family, row_name
),

table_columns as (
    select
        table_name,
        family,
        column_name,
        sum(counted) as column_total,
        sum(case when counted < {{ fewest }} then counted else 0 end) as column_small
    from counted
    group by table_name, family, column_name
),

-- least_more: what has to be withheld of a line beside its small cells. hides: what the cell adds to it.
cells as (
    select
        table_rows.table_name,
        table_rows.family,
        table_rows.row_name,
        table_columns.column_name,
        coalesce(counted.counted, 0) as counted,
        case when counted.counted is null then 1 else 0 end as is_empty,
        case when counted.counted >= {{ fewest }} then counted.counted else 0 end as hides,
        case when row_total < {{ fewest }} then 0 else {{ fewest }} - row_small end as row_least_more,
        case when column_total < {{ fewest }} then 0 else {{ fewest }} - column_small end as column_least_more
    from table_rows
    inner join table_columns
        on table_rows.table_name = table_columns.table_name and table_rows.family = table_columns.family
    left join counted
        on
            table_rows.table_name = counted.table_name
            and table_rows.family = counted.family
            and table_rows.row_name = counted.row_name
            and table_columns.column_name = counted.column_name
),

small as (
    select * from cells
    where counted between 1 and {{ fewest }} - 1
),

rectangles as (
    select
        small.table_name,
        small.family,
        small.row_name,
        small.column_name,
        below.row_name as other_row,
        beside.column_name as other_column,
        row_number() over (
            partition by small.table_name, small.family, small.row_name, small.column_name
            order by
                beside.is_empty + below.is_empty + opposite.is_empty asc,
                beside.hides + below.hides + opposite.hides asc,
                below.row_name asc,
                beside.column_name asc
        ) as choice
    from small
    inner join cells as beside
        on
            small.table_name = beside.table_name
            and small.family = beside.family
            and small.row_name = beside.row_name
            and small.column_name <> beside.column_name
            and small.row_least_more <= beside.hides
    inner join cells as below
        on
            small.table_name = below.table_name
            and small.family = below.family
            and small.column_name = below.column_name
            and small.row_name <> below.row_name
            and small.column_least_more <= below.hides
    inner join cells as opposite
        on
            small.table_name = opposite.table_name
            and small.family = opposite.family
            and below.row_name = opposite.row_name
            and beside.column_name = opposite.column_name
            and below.hides + opposite.hides >= opposite.row_least_more
            and beside.hides + opposite.hides >= opposite.column_least_more
            -- Somebody can be moved: one way around, or the other.
            and (opposite.counted > 0 or (beside.counted > 0 and below.counted > 0))
),

chosen as (
    select * from rectangles
    where choice = 1
),

without_rectangle as (
    select distinct
        small.table_name,
        small.family
    from small
    left join chosen
        on
            small.table_name = chosen.table_name
            and small.family = chosen.family
            and small.row_name = chosen.row_name
            and small.column_name = chosen.column_name
    where chosen.choice is null
),

withheld as (
    select table_name, family, row_name, column_name from chosen
    union
    select table_name, family, row_name, other_column as column_name from chosen
    union
    select table_name, family, other_row as row_name, column_name from chosen
    union
    select table_name, family, other_row as row_name, other_column as column_name from chosen
    union
    select counted.table_name, counted.family, counted.row_name, counted.column_name
    from counted
    inner join without_rectangle
        on counted.table_name = without_rectangle.table_name and counted.family = without_rectangle.family
)

select
    table_name,
    family,
    row_name,
    column_name
from withheld
