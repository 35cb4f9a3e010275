-- Grain: one row per (product_id, valid_from): a version of a product, until the next one. Key: product_version_key.
-- The version of a day: valid_from <= day < valid_to. First versions hold from the beginning of time, current ones to
-- its end. Versions come from the landed versions of the product's row, dated by their own time. A product that its
-- source deleted keeps what it was. Current versions are equal to dim_product.
{% set attributes = ['product_name', 'department', 'category', 'brand', 'list_price', 'unit_cost'] %}
{% set changes = {
    'name': 'product_name',
    'department': 'department',
    'category': 'category',
    'brand': 'brand',
    'list price': 'list_price',
    'unit cost': 'unit_cost',
} %}

with sequenced as (
    select
        *,
        coalesce(lag(is_deleted) over (partition by source_system, product_id order by valid_from), true) as was_deleted
    from {{ ref('int_product_versions') }}
),

-- What deletes nothing says nothing. A version that deletes is as the one before.
told as (
    select
        source_system || ':' || product_id as product_id,
        {%- for column in attributes %}
        case
            when is_deleted then lag({{ column }}) over (partition by source_system, product_id order by valid_from)
            else {{ column }}
        end as {{ column }},
        {%- endfor %}
        is_deleted,
        was_deleted,
        valid_from
    from sequenced
    where not (is_deleted and was_deleted)
),

compared as (
    select
        *,
        {%- for column in attributes %}
        lag({{ column }}) over by_day as previous_{{ column }},
        {%- endfor %}
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
            else {{ changed_words('previous_', changes) }}
        end as changed
    from compared
),

versions as ( -- noqa: ST03
    select
        product_id,
        {{ attributes | join(',\n        ') }},
        changed,
        is_deleted,
        valid_from,
        row_number() over (partition by product_id order by valid_from) as version_number
    from described
    where changed is not null
    union all
    select
        product_id,
        {{ attributes | join(',\n        ') }},
        'first' as changed,
        false as is_deleted,
        cast(null as date) as valid_from,
        1 as version_number
    from {{ ref('dim_product') }}
    where product_id in ('unknown', 'not_applicable')
)

{{ dated_history('product', 'versions', attributes) }}
