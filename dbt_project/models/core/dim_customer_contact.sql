-- Grain: one row per customer of whom a source system has a name or an address.
-- Personal: published only in contacts.duckdb.
-- Each of name, e-mail, phone, address and birth date comes from one record: the newest that has it (last changed on or
-- before the as-of date). A name kept as given and family name goes before one in a single field. E-mail addresses and
-- phone numbers that are placeholders, masked by a marketplace or held by too many records are none, nor is 1 January
-- 1900 a birth date.
with records as (
    select * from {{ ref('int_customers__known') }}
    where {{ seen_by_as_of('first_seen_at') }}
),

identifiers as (
    select
        source_record_key,
        max(case when kind = 'email' then 1 else 0 end) = 1 as has_email,
        max(case when kind = 'phone' then 1 else 0 end) = 1 as has_phone
    from {{ ref('int_customer_identifiers') }}
    where verdict = 'identifies' and is_current
    group by source_record_key
),

numbered as (
    select
        source_customers.customer_id,
        records.given_name,
        records.family_name,
        coalesce(records.full_name, nullif(concat_ws(' ', records.given_name, records.family_name), '')) as full_name,
        case when identifiers.has_email then lower(trim(records.email)) end as email,
        case when identifiers.has_phone then trim(records.phone) end as phone,
        records.street,
        records.city,
        records.postcode,
        records.country,
        nullif(records.birth_date, date '1900-01-01') as birth_date,
        row_number() over newest as record_number,
        row_number() over best_named as name_number,
        row_number() over best_addressed as address_number
    from records
    inner join {{ ref('int_source_customers') }} as source_customers
        on records.source_record_key = source_customers.source_record_key
    left join identifiers on records.source_record_key = identifiers.source_record_key
    window
        newest as (
            partition by source_customers.customer_id
            order by records.changed_at desc nulls last, records.source_record_key asc
        ),
        best_named as (
            partition by source_customers.customer_id
            order by
                records.given_name is not null and records.family_name is not null desc,
                coalesce(records.given_name, records.family_name, records.full_name) is not null desc,
                records.changed_at desc nulls last,
                records.source_record_key asc
        ),
        best_addressed as (
            partition by source_customers.customer_id
            order by
                records.street is not null desc,
                records.changed_at desc nulls last,
                records.source_record_key asc
        )
)

select
    customer_id,
    {%- for column in ['full_name', 'given_name', 'family_name'] %}
    max(case when name_number = 1 then {{ column }} end) as {{ column }},
    {%- endfor %}
    {%- for column in ['street', 'city', 'postcode', 'country'] %}
    max(case when address_number = 1 and street is not null then {{ column }} end) as {{ column }},
    {%- endfor %}
    {%- for column in ['email', 'phone'] %}
    min_by({{ column }}, record_number) filter (where {{ column }} is not null) as {{ column }},
    {%- endfor %}
    min_by(birth_date, record_number) filter (where birth_date is not null) as birth_date
from numbered
group by customer_id
