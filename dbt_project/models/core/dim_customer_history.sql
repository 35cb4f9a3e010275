-- Grain: one row per (customer_id, valid_from): a version of a customer, until the next one. Key: customer_version_key.
-- The version of a day: valid_from <= day < valid_to. First versions hold from the beginning of time, current ones to
-- its end; there are no gaps. A day's last state is its version. No personal data: a new address, name, e-mail or
-- phone number makes a version, and `changed` says which it was.
-- Versions come from the landed versions of the records, dated by their own time, never from when a job ran: a
-- correction that comes late restates the past. Current versions are equal to dim_customer. A customer whose records
-- were deleted, and whom nothing else names, has left dim_customer; its history stays here and ends deleted.
{% set text = contract_type('text') %}

with states as (
    select *
    from {{ ref('int_customer_states') }}
    where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
),

compared as (
    select
        *,
        row_number() over by_day as state_number,
        lag(is_deleted) over by_day as was_deleted,
        lag(kind) over by_day as previous_kind,
        lag(country) over by_day as previous_country,
        lag(acquisition_channel) over by_day as previous_acquisition_channel,
        lag(full_name) over by_day as previous_full_name,
        lag(email) over by_day as previous_email,
        lag(phone) over by_day as previous_phone,
        lag(address) over by_day as previous_address,
        min(valid_from) over (partition by customer_id, address) as address_from
    from states
    window by_day as (partition by customer_id order by valid_from)
),

described as (
    select
        customer_id,
        kind,
        country,
        acquisition_channel,
        case
            when address is not null
                then dense_rank() over (partition by customer_id, address is null order by address_from)
        end as residence_number,
        case
            when state_number = 1 then 'first'
            when is_deleted and not was_deleted then 'deleted'
            when was_deleted and not is_deleted then 'returned'
            when not is_deleted then nullif(
                concat_ws(
                    ', ',
                    case when previous_kind is distinct from kind then 'kind' end,
                    case when previous_country is distinct from country then 'country' end,
                    case
                        when previous_acquisition_channel is distinct from acquisition_channel
                            then 'acquisition channel'
                    end,
                    case when previous_full_name is distinct from full_name then 'name' end,
                    case when previous_email is distinct from email then 'email' end,
                    case when previous_phone is distinct from phone then 'phone' end,
                    case when previous_address is distinct from address then 'address' end
                ), ''
            )
        end as changed,
        is_deleted,
        valid_from
    from compared
),

customers as (
    select customer_id
    from {{ ref('int_source_customers') }}
    where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
    union
    select customer_id from states
),

versions as ( -- noqa: ST03
    select
        customers.customer_id,
        described.kind,
        described.country,
        described.acquisition_channel,
        described.residence_number,
        coalesce(described.changed, 'first') as changed,
        coalesce(described.is_deleted, false) as is_deleted,
        false as is_unknown,
        described.valid_from,
        cast(
            row_number() over (partition by customers.customer_id order by described.valid_from) as bigint
        ) as version_number
    from customers
    left join described on customers.customer_id = described.customer_id and described.changed is not null
    union all
    select
        'unknown' as customer_id,
        cast(null as {{ text }}) as kind,
        cast(null as {{ text }}) as country,
        cast(null as {{ text }}) as acquisition_channel,
        cast(null as bigint) as residence_number,
        'first' as changed,
        false as is_deleted,
        true as is_unknown,
        cast(null as date) as valid_from,
        1 as version_number
    where {{ only_changed(ref('int_customer_records_changed'), ['customer_id'], ["'unknown'"]) }}
),

dated as (
    select
        *,
        case when version_number = 1 then {{ beginning_of_time() }} else valid_from end as version_from,
        lead(valid_from) over (partition by customer_id order by version_number) as next_from
    from versions
)

select
    case
        when version_number = 1 then {{ version_key('customer', 'customer_id') }}
        else {{ version_key('customer', 'customer_id', 'version_from') }}
    end as customer_version_key,
    customer_id,
    {{ customer_key('customer_id') }} as customer_key,
    version_number,
    kind,
    country,
    acquisition_channel,
    residence_number,
    is_unknown,
    changed,
    is_deleted,
    next_from is null as is_current,
    version_from as valid_from,
    coalesce(next_from, {{ end_of_time() }}) as valid_to
from dated
