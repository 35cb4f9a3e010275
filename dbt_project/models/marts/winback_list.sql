-- Grain: one row per customer at risk of leaving, or lost: whether and how to win back, until when, at what cost.
-- Whoever was deleted at a source or objects to profiling is not here: no score, no offer.
-- Classes are the rows of the seed winback_classes: the first that holds counts. maximum_spend is a bound per customer,
-- not a plan: a contact that costs more, what it offers included, does not pay.

with consents as (
    select * from {{ ref('part_customer_consent') }}
),

desk as (
    select
        customers.customer_id,
        customers.last_order_date,
        customers.net_revenue,
        customers.consent_reason,
        case when customers.lifecycle_stage = 'lost' then 'lost' else 'at risk' end as state,
        {{ permission(['consents.can_email']) }} as can_email,
        {{ permission(['consents.can_post']) }} as can_post,
        {{ permission(['consents.can_call']) }} as can_call,
        {{ permission(['consents.can_text']) }} as can_text
    from {{ ref('customer_360') }} as customers
    left join consents on customers.customer_id = consents.customer_id
    where
        coalesce(customers.consent_reason, '') not in ('deleted at the source', 'objects to profiling')
        and (
            customers.lifecycle_stage in ('lost', 'dormant')
            or customers.risk_band in ('high', 'medium')
            or (customers.risk_band is null and customers.lifecycle_stage = 'declining')
        )
),

scores as (
    select * from {{ scores('winback') }}
),

terms as (
    select * from {{ ref('part_winback_terms') }}
),

spread as (
    select {{ exact_sum('scores.p_return * (1 - scores.p_return)') }} / nullif(count(scores.p_return), 0) as mean_spread
    from desk
    inner join scores on desk.customer_id = scores.customer_id
),

-- A contact multiplies the odds p / (1 - p) of a return, which adds about ln(ratio) p (1 - p) to the chance: nothing
-- where it is near 0 or 1. The ratio of a measured effect is the one by which the desk's average customer gains that
-- effect.
response as (
    select
        terms.*,
        {{ rounded(
            'case
                when terms.measured_effect is not null and spread.mean_spread > 0
                    then least(exp(terms.measured_effect / spread.mean_spread), 10)
                else terms.odds_ratio
            end', 4
        ) }} as ratio
    from terms
    cross join spread
),

chances as (
    select
        desk.*,
        scores.run_id,
        scores.model_version,
        scores.horizon_days,
        scores.p_return,
        scores.chance_floor,
        scores.chance_holds_until,
        coalesce(scores.unavailable_reason, 'no score of lifetime value') as not_scored,
        values_at_stake.value_basis,
        values_at_stake.value_if_stays - values_at_stake.value_if_leaves as expected_loss,
        {{ rounded_amount('cast(scores.value_after_return as double) * kept.kept_share') }} as second_lifetime_value,
        response.ratio as odds_ratio,
        {{ rounded('response.ratio * scores.p_return / (1 - scores.p_return + response.ratio * scores.p_return)', 6) }}
            as p_return_contacted,
        response.response_basis,
        response.cost_basis,
        response.deadline_share,
        {{ rounded_amount('response.contact_cost') }} as contact_cost
    from desk
    cross join response
    left join scores on desk.customer_id = scores.customer_id
    left join {{ ref('customer_clv') }} as values_at_stake on desk.customer_id = values_at_stake.customer_id
    left join {{ ref('part_kept_share') }} as kept on desk.customer_id = kept.customer_id
),

priced as (
    select
        *,
        case
            when p_return is not null
                then
                    greatest(
                        {{ rounded_amount('(p_return_contacted - p_return) * cast(second_lifetime_value as double)') }},
                        cast(0 as {{ contract_type('decimal') }})
                    )
        end as maximum_spend
    from chances
),

first_class as (
    select
        priced.customer_id,
        min(classes.class_rank) as class_rank
    from priced
    inner join {{ ref('winback_classes') }} as classes
        on
            coalesce(nullif(classes.state, ''), priced.state) = priced.state
            and priced.p_return >= coalesce(classes.p_return_from, 0)
            and (classes.p_return_below is null or priced.p_return < classes.p_return_below)
            and (classes.worth_from is null or priced.maximum_spend >= classes.worth_from * priced.contact_cost)
            and (classes.worth_below is null or priced.maximum_spend < classes.worth_below * priced.contact_cost)
    group by priced.customer_id
),

joined as (
    select
        priced.*,
        classes.winback_class,
        classes.reason as class_reason,
        preferred.channel as preferred_channel,
        case
            when preferred.channel = 'email' and coalesce(priced.can_email, true) then 'email'
            when preferred.channel = 'post' and coalesce(priced.can_post, true) then 'post'
            when preferred.channel = 'call' and coalesce(priced.can_call, true) then 'call'
            when preferred.channel = 'text' and coalesce(priced.can_text, true) then 'text'
            when priced.can_email then 'email'
            when priced.can_post then 'post'
            when priced.can_call then 'call'
            when priced.can_text then 'text'
        end as channel,
        priced.can_email or priced.can_post or priced.can_call or priced.can_text as can_contact
    from priced
    left join first_class on priced.customer_id = first_class.customer_id
    left join {{ ref('winback_classes') }} as classes on first_class.class_rank = classes.class_rank
    left join {{ ref('part_preferred_channel') }} as preferred on priced.customer_id = preferred.customer_id
)

select
    customer_id,
    {{ as_of_date() }} as as_of_date,
    run_id,
    model_version,
    state,
    cast({{ days_between('last_order_date', as_of_date()) }} as bigint) as days_since_last_order,
    cast(horizon_days as int) as horizon_days,
    p_return,
    odds_ratio,
    p_return_contacted,
    value_basis,
    second_lifetime_value,
    cast(expected_loss as {{ contract_type('decimal') }}) as expected_loss,
    maximum_spend,
    contact_cost,
    case
        when p_return is not null
            then
                'Response ' || response_basis || '; cost of a contact ' || cost_basis
                || case
                    when value_basis = 'net_sales'
                        then '. Of net sales: the margin is not known, and less than this may be spent'
                    else '; of the margin'
                end
    end as spend_basis,
    case when p_return is not null then coalesce(winback_class, 'no class') end as winback_class,
    case when p_return is not null then coalesce(class_reason, 'no row of winback_classes holds') end as class_reason,
    preferred_channel,
    channel,
    case
        when can_contact is null then 'no active source provides consents'
        when channel is null then consent_reason
        when channel = preferred_channel then 'preferred and permitted'
        when preferred_channel is null then 'permitted; which one the customer prefers is not known'
        else 'permitted; the preferred one is not'
    end as channel_reason,
    can_contact,
    chance_holds_until as deadline_date,
    case
        when p_return is null then null
        when chance_holds_until is null
            then
                'without a purchase the chance stays at '
                || cast(cast({{ rounded('100 * chance_floor', 1) }} as decimal(4, 1)) as {{ contract_type('text') }})
                || ' % or more for a year'
        when chance_floor > {{ rounded('deadline_share * p_return', 6) }} + 0.000001
            then
                'later, without a purchase, the chance falls below '
                || cast(cast({{ rounded('100 * chance_floor', 1) }} as decimal(4, 1)) as {{ contract_type('text') }})
                || ' %, where another class begins'
        else
            'later, without a purchase, the chance is less than '
            || cast(cast({{ rounded('100 * deadline_share') }} as decimal(3, 0)) as {{ contract_type('text') }})
            || ' % of that of today'
    end as deadline_reason,
    case when p_return is null then not_scored end as unavailable_reason
from joined
