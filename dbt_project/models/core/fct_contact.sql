-- Grain: one row per contact: a call, e-mail, chat, visit …, in or out. Key: contact_id.
-- cost_amount, wait_seconds and handle_seconds are additive; null where the source does not say.
with contacts as (
    select * from {{ ref('int_contacts') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

campaigns as (
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

orders as (
    select source_system, source_id as source_order_id, core_id as order_id from {{ ref('int_references') }}
    where entity = 'orders'
),

cases as (
    select source_system, source_id as source_case_id, core_id as case_id from {{ ref('int_references') }}
    where entity = 'cases'
),

final as (
    select
        contacts.source_system || ':' || contacts.contact_id as contact_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        coalesce(contacts.source_system || ':' || contacts.agent_id, 'unknown') as agent_id,
        coalesce(cases.case_id, 'not_in_data') as case_id,
        coalesce(orders.order_id, 'not_in_data') as order_id,
        coalesce(campaigns.campaign_id, 'unknown') as campaign_id,
        contacts.source_system,
        contacts.channel,
        contacts.direction,
        contacts.reason,
        contacts.outcome,
        contacts.wait_seconds,
        contacts.handle_seconds,
        contacts.cost_amount,
        contacts.is_abandoned,
        {{ local_date('contacts.contacted_at') }} as contact_date,
        {{ local_date('coalesce(contacts._known_from, contacts.contacted_at)') }} as known_date,
        contacts.contacted_at
    from contacts
    left join source_customers
        on
            contacts.source_system = source_customers.source_system
            and contacts.source_customer_id = source_customers.source_customer_id
    left join campaigns
        on contacts.source_system = campaigns.source_system and contacts.campaign_id = campaigns.source_campaign_id
    left join orders
        on contacts.source_system = orders.source_system and contacts.order_id = orders.source_order_id
    left join cases
        on contacts.source_system = cases.source_system and contacts.case_id = cases.source_case_id
)

{{ with_version('customer', 'final', 'contact_date') }}
