-- Grain: one row per (product_id, valid_from): a version of a product, until the next one. Key: product_version_key.
-- The version of a day: valid_from <= day < valid_to. First versions hold from the beginning of time, current ones to
-- its end. Versions come from the landed versions of the product's row, dated by their own time. A product that its
-- source deleted keeps what it was. Current versions are equal to dim_product.
with sequenced as (
    select
        *,
        coalesce(lag(is_deleted) over (partition by source_system, product_id order by valid_from), true) as was_deleted
    from {{ ref('int_product_history') }}
),

-- What deletes nothing says nothing. A version that deletes is as the one before.
told as (
    select
        source_system || ':' || product_id as product_id,
        case when is_deleted then lag(product_name) over by_day else product_name end as product_name,
        case when is_deleted then lag(department) over by_day else department end as department,
        case when is_deleted then lag(category) over by_day else category end as category,
        case when is_deleted then lag(brand) over by_day else brand end as brand,
        case when is_deleted then lag(list_price) over by_day else list_price end as list_price,
        case when is_deleted then lag(unit_cost) over by_day else unit_cost end as unit_cost,
        is_deleted,
        was_deleted,
        valid_from
    from sequenced
    where not (is_deleted and was_deleted)
    window by_day as (partition by source_system, product_id order by valid_from)
),

compared as (
    select
        *,
        lag(product_name) over by_day as previous_product_name,
        lag(department) over by_day as previous_department,
        lag(category) over by_day as previous_category,
        lag(brand) over by_day as previous_brand,
        lag(list_price) over by_day as previous_list_price,
        lag(unit_cost) over by_day as previous_unit_cost,
        row_number() over by_day as state_number
    from told
    window by_day as (partition by product_id order by valid_from)
),

described as (
    select
        *,
        case
            when state_number = 1 then 'first'
            when is_deleted then 'deleted'
            when was_deleted then 'returned'
            else nullif(
                concat_ws(
                    ', ',
                    case when previous_product_name is distinct from product_name then 'name' end,
                    case when previous_department is distinct from department then 'department' end,
                    case when previous_category is distinct from category then 'category' end,
                    case when previous_brand is distinct from brand then 'brand' end,
                    case when previous_list_price is distinct from list_price then 'list price' end,
                    case when previous_unit_cost is distinct from unit_cost then 'unit cost' end
                ), ''
            )
        end as changed
    from compared
),

versions as ( -- noqa: ST03
    select
        product_id,
        product_name,
        department,
        category,
        brand,
        list_price,
        unit_cost,
        changed,
        is_deleted,
        valid_from,
        cast(row_number() over (partition by product_id order by valid_from) as bigint) as version_number
    from described
    where changed is not null
    union all
    select
        product_id,
        product_name,
        department,
        category,
        brand,
        list_price,
        unit_cost,
        'first' as changed,
        false as is_deleted,
        cast(null as date) as valid_from,
        1 as version_number
    from {{ ref('dim_product') }}
    where product_id in ('unknown', 'not_applicable')
),

dated as (
    select
        *,
        case when version_number = 1 then {{ beginning_of_time() }} else valid_from end as version_from,
        lead(valid_from) over (partition by product_id order by version_number) as next_from
    from versions
)

select
    {{ version_key('product', 'product_id', 'version_from') }} as product_version_key,
    product_id,
    version_number,
    product_name,
    department,
    category,
    brand,
    list_price,
    unit_cost,
    changed,
    is_deleted,
    next_from is null as is_current,
    version_from as valid_from,
    coalesce(next_from, {{ end_of_time() }}) as valid_to
from dated
