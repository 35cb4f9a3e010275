-- Grain: one row per (customer_id, reason_kind, place). Inferred: the drivers of customer_churn. Stated: what the
-- customer gave as the reason of an ended subscription or of a complaint in the last 365 days, the newest first.
with drivers as (
    select * from {{ ref('customer_churn') }}
),

inferred as (
    select
        customer_id,
        1 as place,
        reason_1 as reason,
        action_1 as action
    from drivers
    where reason_1 is not null
    union all
    select
        customer_id,
        2 as place,
        reason_2 as reason,
        action_2 as action
    from drivers
    where reason_2 is not null
    union all
    select
        customer_id,
        3 as place,
        reason_3 as reason,
        action_3 as action
    from drivers
    where reason_3 is not null
),

statements as (
    select
        customer_id,
        end_reason as reason,
        'subscription' as stated_in,
        end_date as stated_date
    from {{ ref('fct_subscription') }}
    where known_date <= {{ as_of_date() }}
    union all
    select
        customer_id,
        reason,
        'complaint' as stated_in,
        opened_date as stated_date
    from {{ ref('fct_case') }}
    where kind = 'complaint' and known_date <= {{ as_of_date() }}
),

-- A reason that was given several times counts once, on its last day.
given as (
    select
        customer_id,
        reason,
        stated_in,
        max(stated_date) as stated_date
    from statements
    where
        customer_id <> 'unknown' and reason is not null
        and stated_date <= {{ as_of_date() }} and {{ days_between('stated_date', as_of_date()) }} < 365
    group by customer_id, reason, stated_in
),

words as (
    select
        {{ status_key('word') }} as word_key,
        min(reason_group) as reason_group
    from {{ ref('leaving_reason_words') }}
    group by {{ status_key('word') }}
),

placed as (
    select
        given.customer_id,
        given.reason,
        given.stated_in,
        given.stated_date,
        coalesce(words.reason_group, 'other') as reason_group,
        row_number() over (
            partition by given.customer_id
            order by given.stated_date desc, given.stated_in desc, given.reason asc
        ) as place
    from given
    left join words on {{ status_key('given.reason') }} = words.word_key
),

final as (
    select
        customer_id,
        'inferred' as reason_kind,
        place,
        {{ as_of_date() }} as as_of_date,
        reason,
        cast(null as {{ contract_type('text') }}) as reason_group,
        cast(null as {{ contract_type('text') }}) as stated_in,
        action,
        cast(null as date) as stated_date
    from inferred
    union all
    select
        placed.customer_id,
        'stated' as reason_kind,
        cast(placed.place as int) as place,
        {{ as_of_date() }} as as_of_date,
        placed.reason,
        placed.reason_group,
        placed.stated_in,
        reason_groups.action,
        placed.stated_date
    from placed
    left join {{ ref('leaving_reason_groups') }} as reason_groups on placed.reason_group = reason_groups.reason_group
)

select * from final
