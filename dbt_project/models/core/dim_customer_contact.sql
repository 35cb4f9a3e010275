-- Grain: one row per customer of whom a source system has a name or an address.
-- Personal: published only in contacts.duckdb.
-- Each of name, e-mail, phone, address and birth date comes from one record, by the rule of the field
-- (identity.golden_record in dbt_project.yml); between equals from the one that changed last on or before the as-of
-- date, then from the smallest key. E-mail addresses and phone numbers that are placeholders, masked by a marketplace
-- or held by too many records are none, nor is 1 January 1900 a birth date. A role mailbox such as info@ identifies
-- nobody, but reaches the customer.
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
        verdict in ('identifies', 'role mailbox') and is_current
        and source_record_key in (select source_record_key from source_customers)
    group by source_record_key
),

described as (
    select
        source_customers.customer_id,
        source_customers.source_system,
        source_customers.record_number,
        records.source_record_key,
        records.given_name,
        records.family_name,
        coalesce(records.full_name, nullif(concat_ws(' ', records.given_name, records.family_name), '')) as full_name,
        case when identifiers.has_email then {{ lower_case(trimmed('records.email')) }} end as email,
        case when identifiers.has_phone then {{ trimmed('records.phone') }} end as phone,
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

compared as (
    select *
    from described
    where customer_id in (select customer_id from of_several_records)
),

rules (field, rule) as (
    values
    {%- for field, rule in var('identity').golden_record.items() %}
    ('{{ field }}', '{{ rule }}'){{ ',' if not loop.last }}
    {%- endfor %}
),

trust (source_system, place) as (
    values
    {%- for source in var('identity').trusted_sources %}
    ('{{ source }}', {{ loop.index }}),
    {%- endfor %}
    ('', 0)
),

-- One row per record and field that it has: the text that is counted, and how many parts are known.
held as (
    select
        customer_id,
        record_number,
        'name' as field,
        {{ lower_case('full_name') }} as compared_text,
        case when given_name is not null and family_name is not null then 2 else 1 end as parts
    from compared
    where full_name is not null
    union all
    select
        customer_id,
        record_number,
        'email' as field,
        email as compared_text,
        1 as parts
    from compared
    where email is not null
    union all
    select
        customer_id,
        record_number,
        'phone' as field,
        {{ without('phone', '[^0-9]') }} as compared_text,
        1 as parts
    from compared
    where phone is not null
    union all
    select
        customer_id,
        record_number,
        'address' as field,
        {{ lower_case("concat_ws(' ', street, postcode, city)") }} as compared_text,
        case when postcode is not null then 1 else 0 end + case when city is not null then 1 else 0 end
        + case when country is not null then 1 else 0 end as parts
    from compared
    where street is not null
    union all
    select
        customer_id,
        record_number,
        'birth_date' as field,
        cast(birth_date as {{ contract_type('text') }}) as compared_text,
        1 as parts
    from compared
    where birth_date is not null
),

counted as (
    select
        *,
        count(*) over (partition by customer_id, field, compared_text) as holders
    from held
),

preferred as (
    select
        counted.customer_id,
        counted.field,
        counted.record_number,
        row_number() over (
            partition by counted.customer_id, counted.field
            order by
                case rules.rule
                    when 'most_complete' then -counted.parts
                    when 'most_frequent' then -counted.holders
                    when 'most_trusted' then coalesce(trust.place, {{ var('identity').trusted_sources | length + 1 }})
                    else 0
                end,
                compared.changed_at desc nulls last,
                compared.source_record_key
        ) as preference
    from counted
    inner join compared on counted.customer_id = compared.customer_id and counted.record_number = compared.record_number
    inner join rules on counted.field = rules.field
    left join trust on compared.source_system = trust.source_system
),

chosen as (
    select
        customer_id,
        max(case when field = 'name' then record_number end) as name_record,
        max(case when field = 'email' then record_number end) as email_record,
        max(case when field = 'phone' then record_number end) as phone_record,
        max(case when field = 'address' then record_number end) as address_record,
        max(case when field = 'birth_date' then record_number end) as birth_date_record
    from preferred
    where preference = 1
    group by customer_id
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
    case when full_name is not null then source_system end as name_source,
    case when email is not null then source_system end as email_source,
    case when phone is not null then source_system end as phone_source,
    case when street is not null then source_system end as address_source,
    case when birth_date is not null then source_system end as birth_date_source,
    case when full_name is not null then record_number end as name_record,
    case when email is not null then record_number end as email_record,
    case when phone is not null then record_number end as phone_record,
    case when street is not null then record_number end as address_record,
    case when birth_date is not null then record_number end as birth_date_record,
    birth_date
from described
where customer_id not in (select customer_id from of_several_records)
union all
select
    compared.customer_id,
    max(case when record_number = name_record then full_name end) as full_name,
    max(case when record_number = name_record then given_name end) as given_name,
    max(case when record_number = name_record then family_name end) as family_name,
    max(case when record_number = address_record then street end) as street,
    max(case when record_number = address_record then city end) as city,
    max(case when record_number = address_record then postcode end) as postcode,
    max(case when record_number = address_record then country end) as country,
    max(case when record_number = email_record then email end) as email,
    max(case when record_number = phone_record then phone end) as phone,
    max(case when record_number = name_record then source_system end) as name_source,
    max(case when record_number = email_record then source_system end) as email_source,
    max(case when record_number = phone_record then source_system end) as phone_source,
    max(case when record_number = address_record then source_system end) as address_source,
    max(case when record_number = birth_date_record then source_system end) as birth_date_source,
    max(name_record) as name_record,
    max(email_record) as email_record,
    max(phone_record) as phone_record,
    max(address_record) as address_record,
    max(birth_date_record) as birth_date_record,
    max(case when record_number = birth_date_record then birth_date end) as birth_date
from compared
left join chosen on compared.customer_id = chosen.customer_id
group by compared.customer_id
