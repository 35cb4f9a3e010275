-- Grain: one row per customer of whom a source system has a name or an address.
-- Personal: published only in contacts.duckdb.
-- Each of name, e-mail, phone, address and birth date comes from one record: the newest that has it (last changed on or
-- before the as-of date). A name kept as given and family name goes before one in a single field. E-mail addresses and
-- phone numbers that are placeholders, masked by a marketplace or held by too many records are none, nor is 1 January
-- 1900 a birth date.
with source_customers as (
    select *
    from {{ ref('int_source_customers') }}
    where {{ only_changed(ref('customer_contacts_changed'), ['customer_id']) }}
),

identifiers as (
    select
        source_record_key,
        max(case when kind = 'email' then 1 else 0 end) = 1 as has_email,
        max(case when kind = 'phone' then 1 else 0 end) = 1 as has_phone
    from {{ ref('int_customer_identifiers') }}
    where
        verdict = 'identifies' and is_current
        and source_record_key in (select source_record_key from source_customers)
    group by source_record_key
),

described as (
    select
        source_customers.customer_id,
        records.source_record_key,
        records.given_name,
        records.family_name,
        coalesce(records.full_name, nullif(concat_ws(' ', records.given_name, records.family_name), '')) as full_name,
        case when identifiers.has_email then lower(trim(records.email)) end as email,
        case when identifiers.has_phone then trim(records.phone) end as phone,
        records.street,
        case when records.street is not null then records.city end as city,
        case when records.street is not null then records.postcode end as postcode,
        case when records.street is not null then records.country end as country,
        nullif(records.birth_date, date '1900-01-01') as birth_date,
        records.changed_at
    from {{ ref('int_customers__known') }} as records
    inner join source_customers on records.source_record_key = source_customers.source_record_key
    left join identifiers on records.source_record_key = identifiers.source_record_key
    where {{ seen_by_as_of('source_customers.first_seen_at') }}
),

-- Most customers have one record: only the others are compared.
of_several_records as (
    select customer_id
    from source_customers
    where record_number = 2
),

numbered as (
    select
        *,
        row_number() over newest as record_number,
        row_number() over best_named as name_number,
        row_number() over best_addressed as address_number
    from described
    where customer_id in (select customer_id from of_several_records)
    window
        newest as (partition by customer_id order by changed_at desc nulls last, source_record_key asc),
        best_named as (
            partition by customer_id
            order by
                given_name is not null and family_name is not null desc,
                full_name is not null desc,
                changed_at desc nulls last,
                source_record_key asc
        ),
        best_addressed as (
            partition by customer_id
            order by
                street is not null desc,
                changed_at desc nulls last,
                source_record_key asc
        )
)

select
    customer_id,
    full_name,
    given_name,
    family_name,
    street,
    city,
    postcode,
    country,
    email,
    phone,
    birth_date
from described
where customer_id not in (select customer_id from of_several_records)
union all
select
    customer_id,
    max(case when name_number = 1 then full_name end) as full_name,
    max(case when name_number = 1 then given_name end) as given_name,
    max(case when name_number = 1 then family_name end) as family_name,
    max(case when address_number = 1 then street end) as street,
    max(case when address_number = 1 then city end) as city,
    max(case when address_number = 1 then postcode end) as postcode,
    max(case when address_number = 1 then country end) as country,
    min_by(email, record_number) filter (where email is not null) as email,
    min_by(phone, record_number) filter (where phone is not null) as phone,
    min_by(birth_date, record_number) filter (where birth_date is not null) as birth_date
from numbered
group by customer_id
