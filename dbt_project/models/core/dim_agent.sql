-- Grain: one row per agent_id, and the unknown agent for contacts that name none.
select distinct
    source_system || ':' || agent_id as agent_id,
    source_system,
    agent_id as source_agent_id
from {{ ref('int_contacts') }}
where agent_id is not null
union all
select
    'unknown' as agent_id,
    'unknown' as source_system,
    null as source_agent_id
