-- Grain: one row per (source system, campaign_id that it names) that the facts of orders were built with.
-- Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
select
    source_system,
    source_id as source_campaign_id,
    core_id as campaign_id
from {{ ref('int_references') }}
where entity = 'campaigns'
