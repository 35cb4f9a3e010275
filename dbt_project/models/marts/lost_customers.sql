-- Grain: one row per lost customer (customer_360.lifecycle_stage): the last reason that is known, and how it is known.
-- Stated: an ended subscription or a complaint says it. Experienced: what happened to the customer. Inferred: a driver
-- of the churn model. Of these in this order, the newest from 90 days before the last purchase on; of who had a
-- contract alone, the newest. None proves a cause.
with lost as (
    select * from {{ ref('customer_360') }}
    where lifecycle_stage = 'lost'
),

happened as (
    select
        customer_id,
        'stated' as reason_kind,
        end_reason as reason,
        end_reason as word,
        end_date as reason_date
    from {{ ref('fct_subscription') }}
    where end_reason is not null and end_date <= {{ as_of_date() }} and known_date <= {{ as_of_date() }}
    union all
    select
        customer_id,
        'stated' as reason_kind,
        reason,
        reason as word,
        opened_date as reason_date
    from {{ ref('fct_case') }}
    where kind = 'complaint' and reason is not null and {{ by_as_of('opened_date') }}
    union all
    select
        customer_id,
        'experienced' as reason_kind,
        'a complaint was not resolved' as reason,
        'complaint not resolved' as word,
        opened_date as reason_date
    from {{ ref('fct_case') }}
    where
        kind = 'complaint' and {{ by_as_of('opened_date') }}
        and (resolved_date is null or resolved_date > {{ as_of_date() }})
    union all
    select
        customer_id,
        'experienced' as reason_kind,
        'sent goods back' || coalesce(': ' || reason, '') as reason,
        reason as word,
        return_date as reason_date
    from {{ ref('fct_return') }}
    where {{ by_as_of('return_date') }}
    union all
    select
        customer_id,
        'experienced' as reason_kind,
        'was not content (' || {{ upper_case('kind') }} || ' ' || cast(score as {{ contract_type('text') }}) || ')'
            as reason,
        cast(null as {{ contract_type('text') }}) as word,
        response_date as reason_date
    from {{ ref('fct_survey_response') }}
    where (kind = 'nps' and score <= 6 or kind = 'csat' and score <= 2) and {{ by_as_of('response_date') }}
    union all
    select
        customer_id,
        'experienced' as reason_kind,
        'gave up waiting for an answer (' || channel || ')' as reason,
        'long wait' as word,
        contact_date as reason_date
    from {{ ref('fct_contact') }}
    where is_abandoned and direction = 'in' and {{ by_as_of('contact_date') }}
    union all
    select
        customer_id,
        'inferred' as reason_kind,
        reason_1 as reason,
        cast(null as {{ contract_type('text') }}) as word,
        as_of_date as reason_date
    from {{ ref('customer_churn') }}
    where reason_1 is not null
),

placed as (
    select
        happened.*,
        row_number() over (
            partition by happened.customer_id
            order by
                case happened.reason_kind when 'stated' then 1 when 'experienced' then 2 else 3 end asc,
                happened.reason_date desc, happened.reason asc
        ) as place
    from happened
    inner join lost on happened.customer_id = lost.customer_id
    where coalesce({{ days_between('lost.last_order_date', 'happened.reason_date') }} >= -90, true)
),

words as (
    select
        {{ status_key('word') }} as word_key,
        min(reason_group) as reason_group
    from {{ ref('leaving_reason_words') }}
    group by {{ status_key('word') }}
),

final as (
    select
        lost.customer_id,
        lost.as_of_date,
        lost.acquisition_channel,
        lost.segment_name,
        lost.last_order_date,
        cast({{ days_between('lost.last_order_date', 'lost.as_of_date') }} as bigint) as days_since_last_order,
        lost.purchases,
        lost.net_revenue,
        placed.reason_kind,
        placed.reason,
        case when placed.reason_kind <> 'inferred' then coalesce(words.reason_group, 'other') end as reason_group,
        groups.action,
        placed.reason_date,
        case
            when placed.customer_id is null
                then 'no complaint, return, bad answer or call given up is known since 90 days before the last purchase'
        end as unavailable_reason
    from lost
    left join placed on lost.customer_id = placed.customer_id and placed.place = 1
    left join words on {{ status_key('placed.word') }} = words.word_key
    left join {{ ref('leaving_reason_groups') }} as groups
        on placed.reason_kind <> 'inferred' and coalesce(words.reason_group, 'other') = groups.reason_group
)

select * from final
