-- Grain: one row per (entity, source system, source_id): a campaign, case or order that a row of that system names, and
-- the id that core has for it.
-- What a row names may stand in another system: an order that the service desk talks about, a campaign that the shop
-- books an order for. A number means the row of its own source system; where that has none, the row of the only other
-- system that has one. With two others it means nothing: which one is not known.
-- The id of an exported list means the campaign of the list, whatever a source calls so.
with mentions as (
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_orders') }}
    union all
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_campaign_contacts') }}
    union all
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_campaign_responses') }}
    union all
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_contacts') }}
    union all
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_web_events') }}
    union all
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_costs') }}
    union all
    select 'cases' as entity, source_system, case_id as source_id from {{ ref('int_contacts') }}
    union all
    select 'cases' as entity, source_system, case_id as source_id from {{ ref('int_survey_responses') }}
    union all
    select 'orders' as entity, source_system, order_id as source_id from {{ ref('int_payments') }}
    union all
    select 'orders' as entity, source_system, order_id as source_id from {{ ref('int_returns') }}
    union all
    select 'orders' as entity, source_system, order_id as source_id from {{ ref('int_contacts') }}
),

named as (
    select distinct
        entity,
        source_system,
        source_id
    from mentions
    where source_id is not null
),

known as (
    select 'campaigns' as entity, source_system, campaign_id as source_id from {{ ref('int_campaigns') }}
    where
        campaign_id in (
            select source_id from named
            where entity = 'campaigns'
        )
    union all
    select 'cases' as entity, source_system, case_id as source_id from {{ ref('int_cases') }}
    where
        case_id in (
            select source_id from named
            where entity = 'cases'
        )
    union all
    select 'orders' as entity, source_system, order_id as source_id from {{ ref('int_orders') }}
    where
        order_id in (
            select source_id from named
            where entity = 'orders'
        )
),

known_once as (
    select
        entity,
        source_id,
        min(source_system) as source_system
    from known
    group by entity, source_id
    having count(*) = 1
),

lists as (
    select distinct
        'campaigns' as entity,
        list_id as source_id,
        campaign_id as core_id
    from {{ ref('int_campaign_assignments') }}
),

resolved as (
    select
        named.entity,
        named.source_system,
        named.source_id,
        coalesce(
            lists.core_id, coalesce(own.source_system, elsewhere.source_system) || ':' || named.source_id
        ) as core_id
    from named
    left join lists on named.entity = lists.entity and named.source_id = lists.source_id
    left join known as own
        on
            named.entity = own.entity
            and named.source_system = own.source_system
            and named.source_id = own.source_id
    left join known_once as elsewhere on named.entity = elsewhere.entity and named.source_id = elsewhere.source_id
)

select
    entity,
    source_system,
    source_id,
    core_id
from resolved
where core_id is not null
