-- Grain: one row per customer whose contact an incremental build rebuilds; none in a full build.
-- The customer is described again, a record of it is seen on the as-of date for the first time, or a value that it
-- holds has come to be held by too many, or is no more.
{% set built = as_built('core', 'dim_customer_contact') %}
{% set customers = ref('int_source_customers') %}
{% set values = ref('int_customer_values') %}
with shared_otherwise as ( -- noqa: ST03
    {{ differs(ref('int_shared_values'), 'shared_values_built_with', ['kind', 'identifier_value']) }}
),

holders as ( -- noqa: ST03
    select source_record_key
    from {{ values }}
    where (kind, identifier_value) in (select kind, identifier_value from shared_otherwise)
),

final as (
    select customer_id from {{ ref('int_customer_records_changed') }}
    {%- if built %}
    union
    select customer_id
    from {{ customers }}
    where {{ local_date('first_seen_at') }} > {{ earlier_as_of_date() }}
    union
    select customer_id
    from {{ customers }}
    where source_record_key in (select source_record_key from holders)
    {%- endif %}
)

select * from final
{{ left_pending(['customer_id']) }}
