-- Grain: one row per (campaign, customer). Key: campaign_contact_id.
-- contact_date is the day of sending or, where the source has none, the day the campaign began.
-- arm is 'not_randomised' where the source had no control group: such a campaign's effect cannot be measured.
with contacts as (
    select * from {{ ref('int_campaign_contacts') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

responses as (
    select
        source_system,
        source_campaign_id,
        customer_id,
        count(*) as responses,
        min(responded_at) as first_responded_at
    from {{ ref('fct_campaign_response') }}
    group by source_system, source_campaign_id, customer_id
),

contacted as (
    select
        contacts.source_system || ':' || contacts.campaign_id || ':' || source_customers.customer_id
            as campaign_contact_id,
        coalesce(campaigns.campaign_id, 'unknown') as campaign_id,
        source_customers.customer_id,
        contacts.campaign_id as source_campaign_id,
        contacts.source_system,
        coalesce(contacts.arm, 'not_randomised') as arm,
        contacts.sent_at,
        contacts.opened_at,
        contacts.clicked_at,
        contacts.responded_at,
        coalesce({{ local_date('contacts.sent_at') }}, campaigns.start_date) as contact_date,
        {{ local_date('contacts._known_from') }} as known_from_date
    from contacts
    inner join source_customers
        on
            contacts.source_system = source_customers.source_system
            and contacts.source_customer_id = source_customers.source_customer_id
    left join campaigns
        on contacts.source_system = campaigns.source_system and contacts.campaign_id = campaigns.source_campaign_id
),

final as (
    select
        contacted.campaign_contact_id,
        contacted.campaign_id,
        contacted.customer_id,
        contacted.source_system,
        contacted.arm,
        coalesce(responses.responses, case when contacted.responded_at is not null then 1 else 0 end) as responses,
        contacted.contact_date,
        coalesce(contacted.known_from_date, contacted.contact_date) as known_date,
        contacted.sent_at,
        contacted.opened_at,
        contacted.clicked_at,
        coalesce(contacted.responded_at, responses.first_responded_at) as responded_at
    from contacted
    left join responses
        on
            contacted.source_system = responses.source_system
            and contacted.source_campaign_id = responses.source_campaign_id
            and contacted.customer_id = responses.customer_id
)

select * from final
