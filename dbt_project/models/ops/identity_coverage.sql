-- Grain: one row per source_system that has records of customers, seen by the as-of date: how many of them are matched,
-- and what they hold.
-- matched_records + new_records = records. Counts add up over sources; match_rate does not.
-- Published among the marts (marts.identity_coverage). It stands here because it reads records.
with records as (
    select
        *,
        count(*) over (partition by customer_id) as customer_records
    from {{ ref('int_source_customers') }}
    where is_seen
),

identifiers as (
    select
        source_record_key,
        max(case when kind = 'email' then 1 else 0 end) as emails,
        max(case when kind = 'phone' then 1 else 0 end) as phones,
        max(case when kind = 'address' then 1 else 0 end) as addresses,
        max(case when kind = 'loyalty_id' then 1 else 0 end) as loyalty_ids,
        max(case when kind = 'account' then 1 else 0 end) as accounts
    from {{ ref('int_customer_identifiers') }}
    where is_current and verdict = 'identifies'
    group by source_record_key
),

doubtful as (
    select source_record_key from {{ ref('identity_review') }}
    where verdict = 'review'
    union
    select other_record_key from {{ ref('identity_review') }}
    where verdict = 'review'
),

counted as (
    select
        records.source_system,
        count(*) as records,
        sum(case when records.match_rule <> 'own_record' then 1 else 0 end) as matched_records,
        sum(case when records.match_rule = 'own_record' then 1 else 0 end) as new_records,
        sum(case when records.customer_records > 1 then 1 else 0 end) as linked_records,
        count(doubtful.source_record_key) as review_records,
        count(coalesce(known.full_name, known.given_name, known.family_name)) as name_records,
        coalesce(sum(identifiers.emails), 0) as email_records,
        coalesce(sum(identifiers.phones), 0) as phone_records,
        coalesce(sum(identifiers.addresses), 0) as address_records,
        count(nullif(known.birth_date, date '1900-01-01')) as birth_date_records,
        coalesce(sum(identifiers.loyalty_ids), 0) as loyalty_id_records,
        coalesce(sum(identifiers.accounts), 0) as account_records,
        count(identifiers.source_record_key) as contact_records
    from records
    left join {{ ref('int_customers__known') }} as known on records.source_record_key = known.source_record_key
    left join identifiers on records.source_record_key = identifiers.source_record_key
    left join doubtful on records.source_record_key = doubtful.source_record_key
    group by records.source_system
),

-- Whether another source has the same kind of value.
compared as (
    select
        *,
        least(email_records, sum(email_records) over () - email_records)
        + least(phone_records, sum(phone_records) over () - phone_records)
        + least(address_records, sum(address_records) over () - address_records)
        + least(loyalty_id_records, sum(loyalty_id_records) over () - loyalty_id_records)
        + least(account_records, sum(account_records) over () - account_records) > 0 as has_shared_kind
    from counted
)

select
    source_system,
    {{ as_of_date() }} as as_of_date,
    cast(records as bigint) as records,
    cast(matched_records as bigint) as matched_records,
    cast(new_records as bigint) as new_records,
    cast(linked_records as bigint) as linked_records,
    {{ rounded('cast(linked_records as double) / records', 6) }} as match_rate,
    cast(review_records as bigint) as review_records,
    cast(name_records as bigint) as name_records,
    cast(email_records as bigint) as email_records,
    cast(phone_records as bigint) as phone_records,
    cast(address_records as bigint) as address_records,
    cast(birth_date_records as bigint) as birth_date_records,
    cast(loyalty_id_records as bigint) as loyalty_id_records,
    cast(account_records as bigint) as account_records,
    cast(contact_records as bigint) as contact_records,
    case
        when contact_records = 0
            then 'no record has contact data, a card or an account that identifies anybody: nothing can be matched'
        when not has_shared_kind
            then 'no other source has the same kind of contact data: only its own records can match each other'
    end as unavailable_reason
from compared
