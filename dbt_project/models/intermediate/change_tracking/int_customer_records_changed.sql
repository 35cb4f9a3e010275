-- Grain: one row per customer_id that an incremental build describes again; none in a full build.
-- Another version of one of its records is known, or a record has come to the customer or left it, belongs to it for
-- another reason, counts in another order, or was first seen at another time.
{% set built = as_built('change_tracking', 'customer_records_built_with') %}
with rejoined as (
    {{ differs(
        ref('int_source_customers'), 'customer_records_built_with',
        [
            'source_system', 'source_customer_id', 'customer_id', 'match_rule', 'matched_to', 'record_number',
            'first_seen_at',
        ]
    ) }}
),

records as (
    select
        source_system,
        source_customer_id
    from {{ ref('int_record_history_changed') }}
    union
    select
        source_system,
        source_customer_id
    from rejoined
),

-- The customers that the records belong to, that they belonged to, and that a record is which nothing else names.
final as (
    select customer_id
    from {{ ref('int_source_customers') }}
    where (source_system, source_customer_id) in (select source_system, source_customer_id from records)
    {%- if built %}
    union
    select customer_id
    from {{ built }}
    where (source_system, source_customer_id) in (select source_system, source_customer_id from records)
    {%- endif %}
    union
    select {{ customer_founded_by(record_key('source_system', 'source_customer_id')) }} as customer_id
    from records
)

select * from final
{{ left_pending(['customer_id']) }}
