-- Grain: one row per (source record, valid_from): a version of a customer's record, until the next one. Personal.
-- A record holds since it was created or first seen, if that is before its first version: sources that keep the newest
-- state alone say nothing of the ones before.
-- A record that its source deleted, and that nothing else names, is still the customer that it was.
{% set own_key = record_key('versions.source_system', 'versions.source_customer_id') %}
with records as (
    select *
    from {{ ref('int_source_customers') }}
    where {{ only_changed(ref('int_changed_customers'), ['customer_id']) }}
),

{%- if is_increment() %}
-- The records of the changed customers, and those that nothing names any more.
chosen as ( -- noqa: ST03
    select
        source_system,
        source_customer_id
    from records
    union
    select
        versions.source_system,
        versions.source_customer_id
    from {{ ref('int_customers__versions') }} as versions
    left join {{ ref('int_source_customers') }} as named
        on
            versions.source_system = named.source_system
            and versions.source_customer_id = named.source_customer_id
    where
        named.customer_id is null
        and {{ customer_founded_by(own_key) }} in (select customer_id from {{ ref('int_changed_customers') }})
),
{%- endif %}

versions as (
    {{ dated_versions('customers', 'chosen' if is_increment() else none) }}
),

identified as (
    select
        versions.*,
        coalesce(records.source_record_key, {{ own_key }}) as source_record_key,
        coalesce(records.customer_id, {{ customer_founded_by(own_key) }}) as customer_id,
        coalesce(records.record_number, 1) as record_number,
        records.first_seen_at
    from versions
    left join records
        on
            versions.source_system = records.source_system
            and versions.source_customer_id = records.source_customer_id
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
    lower(trim(email)) as email,
    {{ without('phone', '[^0-9+]') }} as phone,
    case when street is not null then lower(concat_ws(' ', street, postcode, city)) end as address,
    is_deleted,
    created_at,
    version_date,
    valid_from,
    coalesce(
        lead(valid_from) over (partition by source_record_key order by valid_from), {{ end_of_time() }}
    ) as valid_to
from begun
