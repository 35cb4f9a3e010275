-- Grain: one row per (source system, product_id, valid_from): a version of a product, until the next one.
-- A version holds from the day of its cursor; where the cursor is no time, or no later than that of a version before
-- it, from the day it was known; in a first load ever since. Only versions known on the as-of date count; of a product
-- that came later, all.
with versions as (
    select
        source_system,
        product_id,
        product_name,
        department,
        category,
        brand,
        list_price,
        unit_cost,
        _version,
        _known_from,
        _fate <> 'duplicate' as is_accepted,
        _op <> 'upsert' as is_deleted,
        {{ seen_by_as_of('_known_from') }} as is_known,
        {{ utc_timestamp(time_of_cursor('_cursor'), zone_of_source('source_system')) }} as cursor_at
    from {{ ref('int_products__rows') }}
    where _fate <> 'quarantined' and _version is not null
),

{{ held_versions('source_system, product_id') }}

select
    source_system,
    product_id,
    case when not is_deleted then product_name end as product_name,
    case when not is_deleted then department end as department,
    case when not is_deleted then category end as category,
    case when not is_deleted then brand end as brand,
    case when not is_deleted then list_price end as list_price,
    case when not is_deleted then unit_cost end as unit_cost,
    is_deleted,
    version_date as valid_from,
    coalesce(
        lead(version_date) over (partition by source_system, product_id order by version_date), {{ end_of_time() }}
    ) as valid_to
from held
