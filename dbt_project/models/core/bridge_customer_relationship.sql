-- Grain: one row per (customer_id, kind, related_id): a household or account that a customer is of, or who referred it.
-- related_id of a referral is a customer_id: the record of that number in the same source system or, where that has
-- none, in the only other system that has one. Of a household or an account it is a hash that its members share; an
-- account's number means the same in every system, a household's in its own.
-- A reference that cannot be resolved points to 'unknown': references are counted, not dropped.
with source_customers as (
    select * from {{ ref('int_source_customers') }}
),

accounts as (
    select
        source_record_key,
        verdict
    from {{ ref('int_customer_values') }}
    where kind = 'account' and is_current
),

named as (
    select
        source_record_key,
        source_system,
        'household' as kind,
        trim(household_ref) as reference,
        {{ normal_number('household_ref') }} as number
    from {{ ref('int_customers__known') }}
    where trim(household_ref) <> ''
    union all
    select
        source_record_key,
        source_system,
        'account' as kind,
        trim(account_ref) as reference,
        {{ normal_number('account_ref') }} as number
    from {{ ref('int_customers__known') }}
    where trim(account_ref) <> ''
    union all
    select
        source_record_key,
        source_system,
        'referral' as kind,
        trim(referred_by) as reference,
        {{ normal_number('referred_by') }} as number
    from {{ ref('int_customers__known') }}
    where trim(referred_by) <> ''
),

known_once as (
    select
        source_customer_id,
        min(customer_id) as customer_id
    from source_customers
    where source_customer_id in (select reference from named)
    group by source_customer_id
    having count(*) = 1
),

resolved as (
    select
        source_customers.customer_id,
        named.kind,
        case
            when named.kind = 'referral' then coalesce(own.customer_id, elsewhere.customer_id)
            when named.kind = 'account' and (accounts.verdict = 'placeholder' or named.number = '') then null
            when named.kind = 'account'
                then 'account_' || substr(md5(coalesce(nullif(named.number, ''), named.reference)), 1, 16)
            else 'household_' || substr(md5(named.source_system || '|' || named.reference), 1, 16)
        end as related_id
    from named
    inner join source_customers on named.source_record_key = source_customers.source_record_key
    left join accounts on named.source_record_key = accounts.source_record_key
    left join source_customers as own
        on named.source_system = own.source_system and named.reference = own.source_customer_id
    left join known_once as elsewhere on named.reference = elsewhere.source_customer_id
)

select
    customer_id,
    kind,
    coalesce(related_id, 'unknown') as related_id,
    count(*) as records,
    coalesce(customer_id = related_id, false) as is_self
from resolved
group by customer_id, kind, related_id
