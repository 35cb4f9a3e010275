-- Grain: one row per record that is linked to another: the founding record of its customer, and why it belongs there.
-- The founding record was seen first; of several, the one with the smallest key.
with links as (
    select
        source_record_key,
        other_record_key,
        cluster_key,
        match_rule,
        rule_rank,
        match_weight
    from {{ ref('int_identity_pairs') }}
    where verdict = 'link'
    union all
    select
        other_record_key as source_record_key,
        source_record_key as other_record_key,
        cluster_key,
        match_rule,
        rule_rank,
        match_weight
    from {{ ref('int_identity_pairs') }}
    where verdict = 'link'
),

members as (
    select distinct
        source_record_key,
        cluster_key
    from links
),

numbered as (
    select
        members.source_record_key,
        members.cluster_key,
        row_number() over (
            partition by members.cluster_key order by records.first_seen_at asc nulls last, members.source_record_key
        ) as record_number
    from members
    inner join {{ ref('int_customer_records') }} as records on members.source_record_key = records.source_record_key
),

-- The link that says most: to an earlier record if there is one, by the strictest rule, to the earliest.
reasons as (
    select
        one.source_record_key,
        one.cluster_key,
        one.record_number,
        links.match_rule,
        links.other_record_key,
        row_number() over (
            partition by one.source_record_key
            order by
                other.record_number < one.record_number desc,
                links.rule_rank,
                links.match_weight desc nulls last,
                other.record_number
        ) as reason_number
    from links
    inner join numbered as one on links.source_record_key = one.source_record_key
    inner join numbered as other on links.other_record_key = other.source_record_key
)

select
    reasons.source_record_key,
    founders.source_record_key as founding_record_key,
    case when reasons.record_number = 1 then 'own_record' else reasons.match_rule end as match_rule,
    case when reasons.record_number > 1 then reasons.other_record_key end as matched_to
from reasons
inner join numbered as founders on reasons.cluster_key = founders.cluster_key and founders.record_number = 1
where reasons.reason_number = 1
