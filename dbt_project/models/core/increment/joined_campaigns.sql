-- Grain: one row per (source system, campaign_id that it names) that the facts of orders were built with.
-- Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
select
    source_system,
    source_campaign_id,
    campaign_id
from {{ ref('int_campaign_references') }}
