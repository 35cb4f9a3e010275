-- Grain: one row per (source system, product of it) of which core is not as the facts were built with; none in a full
-- build. Another product, unit cost or version.
with changed_products as (
    {{ differs(
        ref('dim_product'), 'products_built_with', ['source_system', 'source_product_id', 'product_id', 'unit_cost']
    ) }}
),

changed_versions as (
    {{ differs(
        ref('dim_product_history'), 'product_history_built_with',
        ['product_id', 'product_version_key', 'valid_from', 'valid_to']
    ) }}
)

select
    source_system,
    source_product_id
from changed_products
union
select
    source_system,
    source_product_id
from {{ ref('dim_product') }}
where product_id in (select product_id from changed_versions)
