-- Grain: one row per change of a consent. Key: consent_id.
-- What a customer allows on a day is the last change by then, per record, channel and purpose.
with consents as (
    select * from {{ ref('int_consents') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

final as (
    select
        consents.source_system || ':' || {{ content_hash([
            'consents.source_customer_id', 'consents.channel', 'consents.purpose', 'consents.changed_at',
        ]) }} as consent_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        consents.source_system,
        consents.channel,
        consents.purpose,
        consents.status,
        consents.status = 'granted' as is_granted,
        {{ local_date('consents.changed_at') }} as changed_date,
        {{ local_date('coalesce(consents._known_from, consents.changed_at)') }} as known_date,
        consents.changed_at
    from consents
    left join source_customers
        on
            consents.source_system = source_customers.source_system
            and consents.source_customer_id = source_customers.source_customer_id
)

{{ with_version('customer', 'final', 'changed_date') }}
