-- Grain: one row per record of customers: the version known on the as-of date or, of a record that came later, its newest.
with versions as (
    select
        *,
        coalesce({{ local_date('_known_from') }} <= {{ as_of_date() }}, true) as is_known
    from {{ ref('int_customers__versions') }}
    where _fate = 'accepted'
),

numbered as (
    select
        *,
        row_number() over (
            partition by source_system, source_customer_id
            order by is_known desc, _interval desc, _generation desc, _position desc
        ) as version_number
    from versions
)

select
    records.source_record_key,
    numbered.source_system,
    {%- for column in contract('customers').columns %}
    numbered.{{ column }},
    {%- endfor %}
    numbered._interval,
    numbered._generation,
    numbered._position,
    records.first_seen_at,
    coalesce(numbered._known_from, numbered.created_at) as changed_at
from numbered
inner join {{ ref('int_customer_records') }} as records
    on
        numbered.source_system = records.source_system
        and numbered.source_customer_id = records.source_customer_id
where numbered.version_number = 1 and numbered._op <> 'delete'
