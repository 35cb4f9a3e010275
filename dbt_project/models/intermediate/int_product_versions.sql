-- Grain: one row per (source system, product_id, valid_from): a version of a product, until the next one.
with versions as (
    {{ dated_versions('products') }}
)

select
    *,
    version_date as valid_from,
    coalesce(
        lead(version_date) over (partition by source_system, product_id order by version_date), {{ end_of_time() }}
    ) as valid_to
from versions
