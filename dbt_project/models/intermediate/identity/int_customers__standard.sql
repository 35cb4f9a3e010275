-- Grain: one row per record of customers: what it says now, in one spelling; also of one that nothing current names.
-- Personal. A value is null where it identifies nobody: int_customer_values says which do. A name is in words; the
-- first given_words of them are the given name, where the record says which they are. incomplete_phone is a number
-- that no country gives out: one that lacks a digit is evidence beside another record's number.
{% set record = ['source_system', 'source_customer_id'] %}
with named as (
    select
        *,
        {{ name_words("full_name") }} as full_name_words,
        {{ name_words("given_name") }} as given_name_words,
        {{ name_words("family_name") }} as family_name_words
    from {{ ref('int_customers__known') }}
    where {{ only_changed(ref('int_record_history_changed'), record) }}
),

records as (
    select
        *,
        coalesce(
            full_name_words, {{ words_of_both('given_name_words', 'family_name_words') }}, {{ no_words() }}
        ) as name_words
    from named
),

identifying as (
    select
        source_record_key,
        max(case when kind = 'email' then identifier_value end) as email,
        max(case when kind = 'phone' and verdict = 'identifies' then identifier_value end) as phone,
        max(case when kind = 'phone' and verdict = 'no such number' then identifier_value end) as incomplete_phone,
        max(case when kind = 'loyalty_id' then identifier_value end) as loyalty_id,
        max(case when kind = 'account' then identifier_value end) as account_ref,
        max(case when kind = 'address' then identifier_value end) as address
    from {{ ref('int_customer_values') }}
    where
        is_current
        and (verdict in ('identifies', 'incomplete') or (kind = 'phone' and verdict = 'no such number'))
        and {{ only_changed(ref('int_record_history_changed'), record) }}
    group by source_record_key
)

select
    records.source_record_key,
    records.source_system,
    records.source_customer_id,
    coalesce(records.kind, 'person') as party,
    identifying.email,
    identifying.phone,
    identifying.incomplete_phone,
    identifying.loyalty_id,
    identifying.account_ref,
    nullif({{ joined('records.given_name_words') }}, '') as given_name,
    nullif({{ joined('records.family_name_words') }}, '') as family_name,
    nullif({{ joined('records.name_words') }}, '') as full_letters,
    records.name_words,
    case
        when records.full_name is null and records.family_name is not null
            then coalesce({{ length_of('records.given_name_words') }}, 0)
        else 0
    end as given_words,
    nullif(split_part(identifying.address, '|', 1), '') as street_number,
    nullif(split_part(identifying.address, '|', 2), '') as street,
    nullif(split_part(identifying.address, '|', 3), '') as unit,
    nullif(split_part(identifying.address, '|', 4), '') as postcode,
    countries.country,
    case
        when
            records.birth_date not in ({{ text_list(var('identity').placeholder_birth_dates) }})
            and records.birth_date between date '1900-01-02'
            and coalesce(cast(records.changed_at as date), date '2100-01-01')
            then records.birth_date
    end as birth_date
from records
left join identifying on records.source_record_key = identifying.source_record_key
left join {{ ref('country_names') }} as countries
    on {{ without(lower_case(without_accents('records.country')), '[^\\p{L}]') }} = countries.spelling
