-- Grain: one row per record that is linked to another: the founding record of its customer, and why it belongs there.
-- Of the records whose own customer id was published, the founder is the one of an id that readers have today, then of
-- the id that was published first; of no such, the one that was seen first; of several, the one with the smallest key.
with links as (
    select
        source_record_key,
        other_record_key,
        cluster_key,
        match_rule,
        rule_rank,
        match_weight,
        evidence,
        model_version
    from {{ ref('int_identity_pairs') }}
    where verdict = 'link'
    union all
    select
        other_record_key as source_record_key,
        source_record_key as other_record_key,
        cluster_key,
        match_rule,
        rule_rank,
        match_weight,
        evidence,
        model_version
    from {{ ref('int_identity_pairs') }}
    where verdict = 'link'
),

members as (
    select distinct
        source_record_key,
        cluster_key
    from links
),

-- Of each record, what was published of its own id.
published as (
    select
        source_record_key,
        min(
            case when customer_id = {{ customer_founded_by('source_record_key') }} then release_number end
        ) as first_release,
        max_by(customer_id, release_number) = {{ customer_founded_by('source_record_key') }} as is_live
    from {{ ref('int_identity_ledger') }}
    where source_record_key in (select source_record_key from members)
    group by source_record_key
),

numbered as (
    select
        members.source_record_key,
        members.cluster_key,
        row_number() over (
            partition by members.cluster_key
            order by records.first_seen_at asc nulls last, members.source_record_key asc
        ) as record_number,
        row_number() over (
            partition by members.cluster_key
            order by
                coalesce(published.is_live, false) desc,
                published.first_release asc nulls last,
                records.first_seen_at asc nulls last,
                members.source_record_key asc
        ) as founder_number
    from members
    inner join {{ ref('int_customer_records') }} as records on members.source_record_key = records.source_record_key
    left join published on members.source_record_key = published.source_record_key
),

-- The link that says most: to an earlier record if there is one, by the strictest rule, to the earliest.
reasons as (
    select
        one.source_record_key,
        one.cluster_key,
        one.founder_number,
        links.match_rule,
        links.other_record_key,
        links.match_weight,
        links.evidence,
        links.model_version,
        row_number() over (
            partition by one.source_record_key
            order by
                other.record_number < one.record_number desc,
                links.rule_rank asc,
                links.match_weight desc nulls last,
                other.record_number asc
        ) as reason_number
    from links
    inner join numbered as one on links.source_record_key = one.source_record_key
    inner join numbered as other on links.other_record_key = other.source_record_key
)

select
    reasons.source_record_key,
    founders.source_record_key as founding_record_key,
    case when reasons.founder_number = 1 then 'own_record' else reasons.match_rule end as match_rule,
    case when reasons.founder_number > 1 then reasons.other_record_key end as matched_to,
    case when reasons.founder_number > 1 then reasons.match_weight end as match_weight,
    case when reasons.founder_number > 1 then reasons.evidence end as evidence,
    case when reasons.founder_number > 1 then reasons.model_version end as model_version
from reasons
inner join numbered as founders on reasons.cluster_key = founders.cluster_key and founders.founder_number = 1
where reasons.reason_number = 1
