-- Grain: one row per (source record, valid_from): a version of a customer's record, until the next one. Personal.
-- A record holds since it was created or first seen, if that is before its first version: sources that keep the newest
-- state alone say nothing of the ones before.
-- A record that its source deleted, and that nothing else names, is still the customer that it was.
-- A version holds from the day of its cursor; where the cursor is no time, or no later than that of a version before
-- it, from the day it was known; in a first load from the day that the record was created, and else ever since. Only
-- versions known on the as-of date count; of a record that came later, all.
{% set own_key = record_key('held.source_system', 'held.source_customer_id') %}
with records as (
    select *
    from {{ ref('int_source_customers') }}
    where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
),

{%- if replaces_changed_keys() %}
-- The records of the changed customers, and those that nothing names any more.
chosen as ( -- noqa: ST03
    select
        source_system,
        source_customer_id
    from records
    union
    select
        landed.source_system,
        landed.source_customer_id
    from {{ ref('int_customers__rows') }} as landed
    left join {{ ref('int_source_customers') }} as named
        on
            landed.source_system = named.source_system
            and landed.source_customer_id = named.source_customer_id
    where
        named.customer_id is null
        and {{ customer_founded_by(record_key('landed.source_system', 'landed.source_customer_id')) }}
        in (select customer_id from {{ ref('int_customer_records_changed') }})
),
{%- endif %}

versions as (
    select
        source_system,
        source_customer_id,
        kind,
        given_name,
        family_name,
        full_name,
        email,
        phone,
        street,
        city,
        postcode,
        country,
        acquisition_channel,
        created_at,
        _version,
        _known_from,
        _fate <> 'duplicate' as is_accepted,
        _op <> 'upsert' as is_deleted,
        {{ seen_by_as_of('_known_from') }} as is_known,
        {{ utc_timestamp(time_of_cursor('_cursor'), zone_of_source('source_system')) }} as cursor_at
    from {{ ref('int_customers__rows') }}
    where
        _fate <> 'quarantined' and _version is not null -- noqa: LT02
        {%- if replaces_changed_keys() %}
        and (source_system, source_customer_id) in (select source_system, source_customer_id from chosen)
        {%- endif %}
),

{{ held_versions('source_system, source_customer_id', first_known='created_at') }},

-- A version that deletes says nothing else.
identified as (
    select
        held.source_system,
        case when not held.is_deleted then held.kind end as kind,
        case when not held.is_deleted then held.given_name end as given_name,
        case when not held.is_deleted then held.family_name end as family_name,
        case when not held.is_deleted then held.full_name end as full_name,
        case when not held.is_deleted then held.email end as email,
        case when not held.is_deleted then held.phone end as phone,
        case when not held.is_deleted then held.street end as street,
        case when not held.is_deleted then held.city end as city,
        case when not held.is_deleted then held.postcode end as postcode,
        case when not held.is_deleted then held.country end as country,
        case when not held.is_deleted then held.acquisition_channel end as acquisition_channel,
        case when not held.is_deleted then held.created_at end as created_at,
        held.is_deleted,
        held.version_date,
        coalesce(records.source_record_key, {{ own_key }}) as source_record_key,
        coalesce(records.customer_id, {{ customer_founded_by(own_key) }}) as customer_id,
        coalesce(records.record_number, 1) as record_number,
        records.first_seen_at
    from held
    left join records
        on
            held.source_system = records.source_system
            and held.source_customer_id = records.source_customer_id
),

started as (
    select
        *,
        lag(version_date) over (partition by source_record_key order by version_date) as previous_date
    from identified
),

begun as (
    select
        *,
        case
            when previous_date is null
                then least(version_date, {{ local_date('created_at') }}, {{ local_date('first_seen_at') }})
            else version_date
        end as valid_from
    from started
    -- A deletion of what was never there says nothing.
    where previous_date is not null or not is_deleted
)

select
    source_record_key,
    customer_id,
    source_system,
    record_number,
    kind,
    country,
    acquisition_channel,
    coalesce(full_name, nullif(concat_ws(' ', given_name, family_name), '')) as full_name,
    {{ lower_case(trimmed('email')) }} as email,
    {{ without('phone', '[^0-9+]') }} as phone,
    case when street is not null then {{ lower_case("concat_ws(' ', street, postcode, city)") }} end as address,
    is_deleted,
    created_at,
    version_date,
    valid_from,
    coalesce(
        lead(valid_from) over (partition by source_record_key order by valid_from), {{ end_of_time() }}
    ) as valid_to
from begun
