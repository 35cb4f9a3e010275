-- Grain: one row per randomised campaign that is over, of the last two years: can customers be ranked by uplift?
-- qini and autoc are in purchases per customer; both are 0 for an order at random. They were measured on customers that
-- the order had not seen. A list (marts.campaign_uplift) exists only where both 95 % intervals are above 0 and, after
-- Holm's correction for the number of campaigns, the Qini coefficient is certain.
with metrics as (
    select * from {{ scores('model_metrics') }}
    where job = 'uplift'
),

-- The run whose model made the lists; of refused ones the newest.
runs as (
    select
        run_id,
        is_published,
        row_number() over (order by is_published desc, as_of_date desc, run_id asc) as place
    from {{ scores('model_runs') }}
    where job = 'uplift'
),

campaigns as (
    select
        metrics.stratum as campaign_id,
        max(metrics.run_id) as run_id,
        max(case when metrics.metric = 'treated_customers' then metrics."value" end) as treated_customers,
        max(case when metrics.metric = 'control_customers' then metrics."value" end) as control_customers,
        max(case when metrics.metric = 'power' then metrics."value" end) as power,
        max(case when metrics.metric = 'qini_doubly_robust' then metrics."value" end) as qini,
        max(case when metrics.metric = 'qini_doubly_robust' then metrics.ci_low end) as qini_low,
        max(case when metrics.metric = 'qini_doubly_robust' then metrics.ci_high end) as qini_high,
        max(case when metrics.metric = 'autoc_doubly_robust' then metrics."value" end) as autoc,
        max(case when metrics.metric = 'autoc_doubly_robust' then metrics.ci_low end) as autoc_low,
        max(case when metrics.metric = 'autoc_doubly_robust' then metrics.ci_high end) as autoc_high,
        max(case when metrics.metric = 'qini_two_models' then metrics."value" end) as two_models_qini,
        max(case when metrics.metric = 'autoc_two_models' then metrics."value" end) as two_models_autoc,
        max(case when metrics.metric = 'qini_adjusted_p_value' then metrics."value" end) as adjusted_p_value
    from metrics
    inner join runs on metrics.run_id = runs.run_id
    where runs.place = 1
    group by metrics.stratum
),

judged as (
    select
        *,
        case
            when qini is null
                then
                    'its arms have ' || cast(cast(treated_customers as bigint) as {{ contract_type('text') }})
                    || ' and ' || cast(cast(control_customers as bigint) as {{ contract_type('text') }})
                    || ' customers, too few to tell whom it changed'
            when qini_low <= 0 then 'the interval of the Qini coefficient holds zero'
            when autoc_low <= 0 then 'the interval of AUTOC holds zero'
            when adjusted_p_value >= 0.05 then 'the order is not certain, given how many campaigns were tried'
        end as reason
    from campaigns
),

final as (
    select
        judged.campaign_id,
        {{ as_of_date() }} as as_of_date,
        judged.run_id,
        cast(judged.treated_customers as bigint) as treated_customers,
        cast(judged.control_customers as bigint) as control_customers,
        judged.power,
        judged.qini,
        judged.qini_low,
        judged.qini_high,
        judged.autoc,
        judged.autoc_low,
        judged.autoc_high,
        judged.two_models_qini,
        judged.two_models_autoc,
        judged.adjusted_p_value,
        judged.reason is null as has_list,
        case
            when judged.reason is null then 'Customers are ranked by uplift in marts.campaign_uplift.'
            else 'No uplift list: ' || judged.reason || '. Choose by value instead.'
        end as decision
    from judged
    inner join {{ ref('dim_campaign') }} as campaigns on judged.campaign_id = campaigns.campaign_id
)

select * from final
