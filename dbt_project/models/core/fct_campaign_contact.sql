-- Grain: one row per (campaign, record of a customer). Key: campaign_contact_id.
-- A customer who is two records in the campaign's system is contacted twice, and may even be in both arms.
-- contact_date is the day of sending or, where the source has none, the day the campaign began.
-- arm is 'not_randomised' where the source had no control group: such a campaign's effect cannot be measured.
-- Of exported lists the arm is the assigned one, whatever the source says, and contact_date that of the assignment in
-- both arms. Who was assigned, and of whom no source says anything, has a row of the source system 'perennial': the
-- control group, and those to whom nothing was sent. Who was assigned to both arms has such a row of each arm, and
-- counts for neither.
with contacts as (
    select * from {{ ref('int_campaign_contacts') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

campaign_references as (
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

entries as (
    select * from {{ ref('int_campaign_assignments') }}
    where is_entry
),

assigned as (
    select
        campaign_id,
        customer_id,
        case when min(arm) = max(arm) then min(arm) end as arm,
        min(assigned_date) as assigned_date
    from entries
    group by campaign_id, customer_id
),

responses as (
    select
        source_system,
        campaign_id,
        source_customer_id,
        count(*) as responses,
        min(responded_at) as first_responded_at
    from {{ ref('int_campaign_responses') }}
    group by source_system, campaign_id, source_customer_id
),

contacted as (
    select
        contacts.source_system || ':' || contacts.campaign_id || ':' || source_customers.source_record_key
            as campaign_contact_id,
        coalesce(campaigns.campaign_id, 'unknown') as campaign_id,
        source_customers.customer_id,
        contacts.source_system,
        case when campaigns.source_system = 'perennial' then assigned.arm else contacts.arm end as arm,
        coalesce(responses.responses, case when contacts.responded_at is not null then 1 else 0 end) as responses,
        coalesce(assigned.assigned_date, {{ local_date('contacts.sent_at') }}, campaigns.start_date) as contact_date,
        {{ local_date('contacts._known_from') }} as known_from_date,
        contacts.sent_at,
        contacts.delivered_at,
        contacts.opened_at,
        contacts.clicked_at,
        contacts.bounced_at,
        contacts.unsubscribed_at,
        coalesce(contacts.responded_at, responses.first_responded_at) as responded_at
    from contacts
    inner join source_customers
        on
            contacts.source_system = source_customers.source_system
            and contacts.source_customer_id = source_customers.source_customer_id
    left join campaign_references
        on
            contacts.source_system = campaign_references.source_system
            and contacts.campaign_id = campaign_references.source_campaign_id
    left join campaigns on campaign_references.campaign_id = campaigns.campaign_id
    left join assigned
        on
            campaign_references.campaign_id = assigned.campaign_id
            and source_customers.customer_id = assigned.customer_id
    left join responses
        on
            contacts.source_system = responses.source_system
            and contacts.campaign_id = responses.campaign_id
            and contacts.source_customer_id = responses.source_customer_id
),

unsaid as (
    select
        'perennial:' || entries.list_id || ':' || entries.exported_customer_id || ':' || entries.arm
            as campaign_contact_id,
        entries.campaign_id,
        entries.customer_id,
        'perennial' as source_system,
        entries.arm,
        0 as responses,
        entries.assigned_date as contact_date,
        entries.assigned_date as known_from_date,
        cast(null as timestamp) as sent_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as opened_at,
        cast(null as timestamp) as clicked_at,
        cast(null as timestamp) as bounced_at,
        cast(null as timestamp) as unsubscribed_at,
        cast(null as timestamp) as responded_at
    from entries
    inner join assigned on entries.campaign_id = assigned.campaign_id and entries.customer_id = assigned.customer_id
    left join contacted on entries.campaign_id = contacted.campaign_id and entries.customer_id = contacted.customer_id
    where contacted.customer_id is null or assigned.arm is null
),

final as (
    select
        campaign_contact_id,
        campaign_id,
        customer_id,
        source_system,
        coalesce(arm, 'not_randomised') as arm,
        responses,
        contact_date,
        coalesce(known_from_date, contact_date) as known_date,
        sent_at,
        delivered_at,
        opened_at,
        clicked_at,
        bounced_at,
        unsubscribed_at,
        responded_at
    from (
        select * from contacted
        union all
        select distinct * from unsaid
    ) as facts
)

{{ with_version('customer', 'final', 'contact_date') }}
