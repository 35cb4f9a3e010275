-- Grain: one row per record of customers that is seen on the as-of date: what it says, in one spelling, for matching.
-- Personal.
{{ config(materialized='view') }}

select
    standard.source_record_key,
    standard.source_system,
    standard.source_customer_id,
    standard.party,
    seen.first_seen_at,
    standard.email,
    standard.phone,
    standard.incomplete_phone,
    standard.loyalty_id,
    standard.account_ref,
    standard.given_name,
    standard.family_name,
    standard.full_letters,
    standard.name_words,
    standard.given_words,
    standard.street_number,
    standard.street,
    standard.unit,
    standard.postcode,
    standard.country,
    standard.birth_date
from {{ ref('int_customers__standard') }} as standard
inner join {{ ref('int_customer_records') }} as seen on standard.source_record_key = seen.source_record_key
where {{ seen_by_as_of('seen.first_seen_at') }}
