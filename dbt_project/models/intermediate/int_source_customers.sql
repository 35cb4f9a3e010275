-- Grain: one row per (source system, its customer id) seen in any accepted row of any entity.
-- customer_id depends on the source and its id alone, so it never changes its meaning.
with seen as (
    {%- for entity, spec in contract().items() if 'source_customer_id' in spec.columns %}
    select
        source_system,
        source_customer_id,
        coalesce(_known_from, {{ spec.time }}) as seen_at
    from {{ ref('int_' ~ entity) }}
    where source_customer_id is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    source_system,
    source_customer_id,
    'c_' || substr(md5(source_system || '|' || source_customer_id), 1, 16) as customer_id,
    md5(source_system || '|' || source_customer_id) as source_record_key,
    min(seen_at) as first_seen_at
from seen
group by source_system, source_customer_id
