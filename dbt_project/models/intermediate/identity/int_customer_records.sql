-- Grain: one row per (source system, its customer id) seen in any accepted row of any entity.
-- first_seen_at is when its first row was known: a row that is delivered again, corrected, leaves it as it is.
{% set record = ['source_system', 'source_customer_id'] %}
with seen as (
    {%- for entity, spec in contract().items() if 'source_customer_id' in spec.columns %}
    select
        source_system,
        source_customer_id,
        min(coalesce(_known_from, {{ spec.time }})) as seen_at,
        max(case when _is_current then 1 else 0 end) as is_current
    from {{ ref('int_' ~ entity ~ '__rows') }}
    where
        source_customer_id is not null and _fate = 'accepted' and _op <> 'delete'
        and {{ only_changed(ref('int_sightings_changed'), record) }}
    group by source_system, source_customer_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    source_system,
    source_customer_id,
    {{ record_key('source_system', 'source_customer_id') }} as source_record_key,
    min(seen_at) as first_seen_at
from seen
group by source_system, source_customer_id
having max(is_current) = 1
