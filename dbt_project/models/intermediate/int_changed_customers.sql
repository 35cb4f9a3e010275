-- Grain: one row per customer_id that an incremental build describes anew; none in a full build.
-- A record of the customer has new rows, has come to the customer or left it, belongs to it for another reason, counts
-- in another order, was first seen at another time, or has a row that the as-of date has moved past.
{% set built = as_built('increment', 'joined_customers') %}
{% set versions = ref('int_customers__versions') %}
with rejoined as (
    {{ differs(
        ref('int_source_customers'), 'joined_customers',
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
    from {{ ref('int_changed_records') }}
    union
    select
        source_system,
        source_customer_id
    from rejoined
    {%- if built %}
    union
    select
        source_system,
        source_customer_id
    from {{ versions }}
    where {{ local_date('_known_from') }} > {{ earlier_as_of_date() }}
    {%- endif %}
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
