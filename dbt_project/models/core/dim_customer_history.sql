-- Grain: one row per (customer_id, valid_from): a version of a customer, until the next one. Key: customer_version_key.
-- The version of a day: valid_from <= day < valid_to. First versions hold from the beginning of time, current ones to
-- its end; there are no gaps. A day's last state is its version. No personal data: a new address, name, e-mail or
-- phone number makes a version, and `changed` says which it was.
-- Versions come from the landed versions of the records, dated by their own time, never from when a job ran: a
-- correction that comes late restates the past. Current versions are equal to dim_customer. A customer whose records
-- were deleted, and whom nothing else names, has left dim_customer; its history stays here and ends deleted.
{% set changes = {
    'kind': 'kind',
    'country': 'country',
    'acquisition channel': 'acquisition_channel',
    'name': 'full_name',
    'email': 'email',
    'phone': 'phone',
    'address': 'address',
} %}
{% set attributes = ['kind', 'country', 'acquisition_channel', 'residence_number', 'is_unknown'] %}
{% set text = contract_type('text') %}

with states as (
    select *
    from {{ ref('int_customer_states') }}
    where {{ only_changed(ref('int_changed_customers'), ['customer_id']) }}
),

compared as (
    select
        *,
        row_number() over by_day as state_number,
        lag(is_deleted) over by_day as was_deleted,
        {%- for column in changes.values() %}
        lag({{ column }}) over by_day as previous_{{ column }},
        {%- endfor %}
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
            when not is_deleted then {{ changed_words('previous_', changes) }}
        end as changed,
        is_deleted,
        valid_from
    from compared
),

customers as (
    select customer_id
    from {{ ref('int_source_customers') }}
    where {{ only_changed(ref('int_changed_customers'), ['customer_id']) }}
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
        row_number() over (partition by customers.customer_id order by described.valid_from) as version_number
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
    where {{ only_changed(ref('int_changed_customers'), ['customer_id'], ["'unknown'"]) }}
)

{{ dated_history('customer', 'versions', attributes) }}
