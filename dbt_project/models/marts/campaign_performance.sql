-- Grain: one row per campaign that has begun by the as-of date. What it changed, against its randomised control group.
-- Effects are means per treated customer with 95 % intervals (part_campaign_effect); totals are effect x treated customers.
-- is_effect_certain is about purchases, after Holm's correction over all campaigns of the release that could be judged:
-- of twenty campaigns without effect one would look like a success by chance.
-- Nothing is judged before the outcome windows of all its customers are over.
{% set measures = ['purchases', 'net_sales', 'margin'] %}
{% set money = contract_type('decimal') %}

with campaigns as (
    select * from {{ ref('dim_campaign') }}
    where campaign_id <> 'unknown' and start_date <= {{ as_of_date() }}
),

customers as (
    select
        campaign_id,
        {%- for arm in ['treated', 'control', 'both', 'not_randomised'] %}
        count(case when arm = '{{ arm }}' then 1 end) as {{ arm }}_customers,
        {%- endfor %}
        sum(case when arm <> 'control' then contacts else 0 end) as contacts,
        {%- for event in ['opened', 'clicked', 'responded'] %}
        count(case when arm <> 'control' and has_{{ event }} then 1 end) as {{ event }}_customers,
        {%- endfor %}
        {%- for arm in ['treated', 'control'] %}
        sum(case when arm = '{{ arm }}' then purchases else 0 end) as {{ arm }}_purchases,
        sum(case when arm = '{{ arm }}' then net_sales else 0 end) as {{ arm }}_net_sales,
        {%- endfor %}
        max(outcome_days) as outcome_days,
        max(window_end_date) as window_end_date
    from {{ ref('part_campaign_outcome') }}
    group by campaign_id
),

costs as (
    select
        campaign_id,
        sum(amount) as cost_amount
    from {{ ref('fct_cost_allocation') }}
    where source in ('campaign contact', 'booked') and {{ by_as_of('cost_date') }}
    group by campaign_id
),

effects as (
    select
        campaign_id,
        {%- for measure in measures %}
        {%- for column in ['effect', 'effect_low', 'effect_high'] %}
        max(case when measure = '{{ measure }}' then {{ column }} end) as {{ measure }}_{{ column }},
        {%- endfor %}
        {%- endfor %}
        max(case when measure = 'purchases' then p_value end) as p_value
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
        coalesce(customers.treated_customers, 0) > 0 and coalesce(customers.control_customers, 0) > 0 as is_randomised,
        customers.window_end_date is not null and customers.window_end_date <= {{ as_of_date() }} as is_window_over,
        coalesce(customers.treated_customers, 0) + coalesce(customers.not_randomised_customers, 0) as treated_customers,
        coalesce(customers.control_customers, 0) as control_customers,
        coalesce(customers.both_customers, 0) as both_arms_customers,
        {%- for column in ['contacts', 'opened_customers', 'clicked_customers', 'responded_customers'] %}
        coalesce(customers.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        customers.outcome_days,
        {%- for arm in ['treated', 'control'] %}
        customers.{{ arm }}_purchases,
        customers.{{ arm }}_net_sales,
        {%- endfor %}
        effects.*,
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
)

select * from joined
