-- Grain: one row per record that is linked to another: the founding record of its customer, and why it belongs there.
-- The founding record was seen first; of several, the one with the smallest key.
with records as (
    select
        source_record_key,
        row_number() over (order by first_seen_at asc nulls last, source_record_key asc) as record_number
    from {{ ref('int_customer_records') }}
    where source_record_key in (select source_record_key from {{ ref('int_customer_links') }})
),

links as (
    select
        one.record_number as from_node,
        other.record_number as to_node,
        links.match_rule
    from {{ ref('int_customer_links') }} as links
    inner join records as one on links.source_record_key = one.source_record_key
    inner join records as other on links.other_record_key = other.source_record_key
),

edges as ( -- noqa: ST03
    select distinct
        from_node,
        to_node
    from links
),

components as (
    {{ connected_components('edges') }} -- noqa: PRS
),

-- The link that says most: to an earlier record if there is one, by the strictest rule, to the earliest.
reasons as (
    select
        from_node,
        to_node,
        match_rule,
        row_number() over (
            partition by from_node
            order by
                to_node < from_node desc,
                case match_rule
                    when 'loyalty_id' then 1
                    when 'account' then 2
                    when 'email' then 3
                    when 'phone' then 4
                    else 5
                end,
                to_node
        ) as reason_number
    from links
)

select
    records.source_record_key,
    founders.source_record_key as founding_record_key,
    case when components.node = components.component then 'own_record' else reasons.match_rule end as match_rule,
    case when components.node <> components.component then matched.source_record_key end as matched_to
from components
inner join records on components.node = records.record_number
inner join records as founders on components.component = founders.record_number
inner join reasons on components.node = reasons.from_node and reasons.reason_number = 1
inner join records as matched on reasons.to_node = matched.record_number
