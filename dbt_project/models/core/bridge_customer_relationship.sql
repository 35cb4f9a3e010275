-- Grain: one row per (customer_id, kind, related_id): a household or account that a customer is of, or who referred it.
-- related_id of a referral is a customer_id: the record of that number in the same source system or, where that has
-- none, in the only other system that has one. Of a household or an account it is a hash that its members share; an
-- account's number means the same in every system, a household's in its own.
-- A reference that cannot be resolved points to 'unknown': references are counted, not dropped.
-- is_inferred: no source says the household; persons with one address and one family name are one. It is that of the
-- member whose household a source says, else it is named after the member who was seen first, so that it stays when
-- others come.
-- is_counted: the one household, account or referrer of a customer that marts use, the first of several.
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
        {{ trimmed('household_ref') }} as reference,
        {{ normal_number('household_ref') }} as number
    from {{ ref('int_customers__known') }}
    where {{ trimmed('household_ref') }} <> ''
    union all
    select
        source_record_key,
        source_system,
        'account' as kind,
        {{ trimmed('account_ref') }} as reference,
        {{ normal_number('account_ref') }} as number
    from {{ ref('int_customers__known') }}
    where {{ trimmed('account_ref') }} <> ''
    union all
    select
        source_record_key,
        source_system,
        'referral' as kind,
        {{ trimmed('referred_by') }} as reference,
        {{ normal_number('referred_by') }} as number
    from {{ ref('int_customers__known') }}
    where {{ trimmed('referred_by') }} <> ''
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
),

stated as (
    select
        customer_id,
        kind,
        coalesce(related_id, 'unknown') as related_id,
        count(*) as records,
        coalesce(customer_id = related_id, false) as is_self,
        false as is_inferred
    from resolved
    group by customer_id, kind, related_id
),

stated_households as (
    select
        customer_id,
        min(related_id) as related_id
    from stated
    where kind = 'household' and related_id <> 'unknown'
    group by customer_id
),

-- Persons by the family name and the address that they go by (dim_customer_contact), in one spelling.
residents as (
    select
        contacts.customer_id,
        customers.first_seen_at,
        concat_ws('|', homes.postcode, homes.street_number, homes.street, homes.unit) as address,
        names.family_name
    from {{ ref('dim_customer_contact') }} as contacts
    inner join {{ ref('dim_customer') }} as customers on contacts.customer_id = customers.customer_id
    inner join source_customers as named
        on contacts.customer_id = named.customer_id and contacts.name_record = named.record_number
    inner join {{ ref('int_party_records') }} as names on named.source_record_key = names.source_record_key
    inner join source_customers as housed
        on contacts.customer_id = housed.customer_id and contacts.address_record = housed.record_number
    inner join {{ ref('int_party_records') }} as homes on housed.source_record_key = homes.source_record_key
    where
        coalesce(customers.kind, 'person') = 'person'
        and names.family_name is not null
        and homes.street_number is not null
        and homes.street is not null
        and homes.postcode is not null
),

families as (
    select
        residents.customer_id,
        stated_households.related_id as stated_id,
        count(*) over home as members,
        min(stated_households.related_id) over home as first_stated_id,
        max(stated_households.related_id) over home as last_stated_id,
        first_value(residents.customer_id) over (
            partition by residents.address, residents.family_name
            order by residents.first_seen_at asc nulls last, residents.customer_id asc
        ) as first_member_id
    from residents
    left join stated_households on residents.customer_id = stated_households.customer_id
    window home as (partition by residents.address, residents.family_name)
),

inferred as (
    select
        customer_id,
        'household' as kind,
        coalesce(first_stated_id, 'household_' || substr(md5('home|' || first_member_id), 1, 16)) as related_id,
        cast(0 as bigint) as records,
        false as is_self,
        true as is_inferred
    from families
    where
        stated_id is null
        and members between 2 and {{ var('identity').household_members_at_most }}
        and (first_stated_id is null or first_stated_id = last_stated_id)
),

final as (
    select * from stated
    union all
    select * from inferred
)

select
    customer_id,
    kind,
    related_id,
    records,
    is_self,
    is_inferred,
    related_id <> 'unknown' and not is_self and row_number() over (
        partition by customer_id, kind order by related_id = 'unknown' asc, is_self asc, related_id asc
    ) = 1 as is_counted
from final
