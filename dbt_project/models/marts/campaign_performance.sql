-- Grain: one row per campaign that has begun by the as-of date. What it changed, against its randomised control group.
-- Effects are means per treated customer with 95 % intervals (part_campaign_effect); totals are these times treated
-- customers.
-- is_effect_certain is about purchases, after Holm's correction over all campaigns of the release that could be judged:
-- of twenty campaigns without effect one would look like a success by chance.
-- Nothing is judged before the outcome windows of all its customers are over.
{% set money = contract_type('decimal') %}
{% set text = contract_type('text') %}

with campaigns as (
    select * from {{ ref('dim_campaign') }}
    where campaign_id <> 'unknown' and start_date <= {{ as_of_date() }}
),

customers as (
    select
        campaign_id,
        count(case when arm = 'treated' then 1 end) as treated_customers,
        count(case when arm = 'control' then 1 end) as control_customers,
        count(case when arm = 'both' then 1 end) as both_arms_customers,
        count(case when arm <> 'control' then 1 end) as reached_customers,
        sum(case when arm <> 'control' then contacts else 0 end) as contacts,
        count(case when arm <> 'control' and has_opened then 1 end) as opened_customers,
        count(case when arm <> 'control' and has_clicked then 1 end) as clicked_customers,
        count(case when arm <> 'control' and has_responded then 1 end) as responded_customers,
        sum(case when arm = 'treated' then purchases else 0 end) as treated_purchases,
        sum(case when arm = 'treated' then net_sales else 0 end) as treated_net_sales,
        sum(case when arm = 'control' then purchases else 0 end) as control_purchases,
        sum(case when arm = 'control' then net_sales else 0 end) as control_net_sales,
        max(outcome_days) as outcome_days,
        max(window_end_date) as window_end_date
    from {{ ref('campaign_outcome') }}
    group by campaign_id
),

costs as (
    select
        campaign_id,
        sum(amount) as cost_amount
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
    group by campaign_id
),

effects as (
    select
        campaign_id,
        max(case when measure = 'purchases' then effect end) as purchases_effect,
        max(case when measure = 'purchases' then effect_low end) as purchases_effect_low,
        max(case when measure = 'purchases' then effect_high end) as purchases_effect_high,
        max(case when measure = 'net_sales' then effect end) as net_sales_effect,
        max(case when measure = 'net_sales' then effect_low end) as net_sales_effect_low,
        max(case when measure = 'net_sales' then effect_high end) as net_sales_effect_high,
        max(case when measure = 'margin' then effect end) as margin_effect,
        max(case when measure = 'margin' then effect_low end) as margin_effect_low,
        max(case when measure = 'margin' then effect_high end) as margin_effect_high,
        max(case when measure = 'purchases' then p_value end) as p_value,
        max(unavailable_reason) as failure
    from {{ ref('part_campaign_effect') }}
    group by campaign_id
),

-- Holm (1979): the k-th smallest of m p-values times m - k + 1, never below one before it.
ranked as (
    select
        campaign_id,
        p_value,
        count(*) over () - row_number() over (order by p_value, campaign_id) + 1 as factor
    from effects
    where p_value is not null
),

corrected as (
    select
        campaign_id,
        least(
            max(p_value * factor) over (
                order by p_value, campaign_id rows between unbounded preceding and current row
            ), 1
        ) as adjusted_p_value
    from ranked
),

joined as (
    select
        campaigns.campaign_id,
        campaigns.source_system,
        campaigns.objective,
        campaigns.channel,
        campaigns.offer,
        coalesce(customers.contacts, 0) as contacts,
        coalesce(customers.reached_customers, 0) as reached_customers,
        coalesce(customers.opened_customers, 0) as opened_customers,
        coalesce(customers.clicked_customers, 0) as clicked_customers,
        coalesce(customers.responded_customers, 0) as responded_customers,
        coalesce(customers.treated_customers, 0) as treated_customers,
        coalesce(customers.control_customers, 0) as control_customers,
        coalesce(customers.both_arms_customers, 0) as both_arms_customers,
        customers.outcome_days,
        coalesce(customers.treated_customers > 0 and customers.control_customers > 0, false) as is_randomised,
        coalesce(customers.window_end_date <= {{ as_of_date() }}, false) as is_window_over,
        customers.treated_purchases,
        customers.treated_net_sales,
        customers.control_purchases,
        customers.control_net_sales,
        effects.purchases_effect,
        effects.purchases_effect_low,
        effects.purchases_effect_high,
        effects.net_sales_effect,
        effects.net_sales_effect_low,
        effects.net_sales_effect_high,
        effects.margin_effect,
        effects.margin_effect_low,
        effects.margin_effect_high,
        effects.p_value,
        effects.failure,
        corrected.adjusted_p_value,
        costs.cost_amount,
        campaigns.start_date,
        campaigns.end_date,
        customers.window_end_date
    from campaigns
    left join customers on campaigns.campaign_id = customers.campaign_id
    left join effects on campaigns.campaign_id = effects.campaign_id
    left join corrected on campaigns.campaign_id = corrected.campaign_id
    left join costs on campaigns.campaign_id = costs.campaign_id
),

totals as (
    select
        *,
        {{ rounded_amount('net_sales_effect * treated_customers') }} as total_net_sales,
        {{ rounded_amount('net_sales_effect_low * treated_customers') }} as total_net_sales_low,
        {{ rounded_amount('net_sales_effect_high * treated_customers') }} as total_net_sales_high,
        {{ rounded_amount('margin_effect * treated_customers') }} as total_margin,
        {{ rounded_amount('margin_effect_low * treated_customers') }} as total_margin_low,
        {{ rounded_amount('margin_effect_high * treated_customers') }} as total_margin_high,
        case
            when reached_customers = 0 then 'nobody has been written to yet'
            when treated_customers = 0 and control_customers > 0
                then 'nobody who was written to is in the treated arm alone'
            when not is_randomised
                then 'no control group, so nothing tells what would have been bought without the campaign'
            when not is_window_over
                then 'its outcome window ends on ' || cast(window_end_date as {{ text }}) || ', after the as-of date'
            when treated_customers < 30 or control_customers < 30 then 'an arm has fewer than 30 customers'
            when failure is not null then 'the effects could not be computed, and marts.model_runs says why'
            when purchases_effect is null
                then 'within each arm all customers bought equally often, so chance cannot be told from effect'
        end as unavailable_reason
    from joined
),

told as (
    select
        *,
        total_margin - cost_amount as profit,
        total_margin_low - cost_amount as profit_low,
        total_margin_high - cost_amount as profit_high,
        cast(cast(round(purchases_effect_low, 3) as decimal(18, 3)) as {{ text }}) || ' to '
        || cast(cast(round(purchases_effect_high, 3) as decimal(18, 3)) as {{ text }}) as purchases_range,
        cast(cast(round(total_margin_low - cost_amount, 0) as decimal(18, 0)) as {{ text }}) || ' to '
        || cast(cast(round(total_margin_high - cost_amount, 0) as decimal(18, 0)) as {{ text }})
        || ' {{ var("currency") }}' as profit_range
    from totals
),

final as (
    select
        campaign_id,
        {{ as_of_date() }} as as_of_date,
        source_system,
        objective,
        channel,
        offer,
        cast(contacts as bigint) as contacts,
        reached_customers,
        opened_customers,
        clicked_customers,
        responded_customers,
        treated_customers,
        control_customers,
        both_arms_customers,
        outcome_days,
        case when unavailable_reason is null then cast(treated_purchases as bigint) end as treated_purchases,
        case when unavailable_reason is null then cast(treated_net_sales as {{ money }}) end as treated_net_sales,
        case when unavailable_reason is null then cast(control_purchases as bigint) end as control_purchases,
        case when unavailable_reason is null then cast(control_net_sales as {{ money }}) end as control_net_sales,
        purchases_effect as incremental_purchases_per_customer,
        purchases_effect_low as incremental_purchases_per_customer_low,
        purchases_effect_high as incremental_purchases_per_customer_high,
        net_sales_effect as incremental_net_sales_per_customer,
        net_sales_effect_low as incremental_net_sales_per_customer_low,
        net_sales_effect_high as incremental_net_sales_per_customer_high,
        total_net_sales as incremental_net_sales,
        total_net_sales_low as incremental_net_sales_low,
        total_net_sales_high as incremental_net_sales_high,
        total_margin as incremental_margin,
        total_margin_low as incremental_margin_low,
        total_margin_high as incremental_margin_high,
        cast(cost_amount as {{ money }}) as cost_amount,
        cast(profit as {{ money }}) as incremental_profit,
        cast(profit_low as {{ money }}) as incremental_profit_low,
        cast(profit_high as {{ money }}) as incremental_profit_high,
        p_value,
        adjusted_p_value,
        is_randomised,
        adjusted_p_value < 0.05 as is_effect_certain,
        case
            when unavailable_reason is not null then 'Not judged: ' || unavailable_reason || '.'
            when adjusted_p_value >= 0.05
                then
                    'No certain effect on purchases (' || purchases_range
                    || ' per treated customer): do not count what they bought as won by the campaign.'
                    || case
                        when profit_high < 0
                            then
                                ' It cost more than it can have brought (' || profit_range
                                || '): make it cheaper, or stop.'
                        else ''
                    end
            when purchases_effect < 0
                then
                    'Customers bought less for it (' || purchases_range || ' purchases per treated customer): stop.'
            else
                'Customers bought more for it (' || purchases_range || ' purchases per treated customer). '
                || case
                    when profit is null then 'Whether that pays is unknown.'
                    when profit_low > 0 then 'It earned ' || profit_range || ' after its cost: repeat it.'
                    when profit_high < 0
                        then 'It lost money all the same (' || profit_range || '): make it cheaper, or stop.'
                    else 'Whether that pays is open (' || profit_range || ' after its cost).'
                end
        end as decision,
        unavailable_reason,
        case
            when unavailable_reason is not null then unavailable_reason
            when total_margin is null then 'the cost of some of the goods is in no active source'
            when cost_amount is null then 'no active source says what the campaign cost'
        end as profit_reason,
        start_date,
        end_date,
        window_end_date
    from told
)

select * from final
