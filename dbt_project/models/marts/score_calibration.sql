-- Grain: one row per (run_id, measure, horizon_days, band): tenths of the customers of a graded forecast, from the
-- lowest forecasts to the highest. It is calibrated where forecast_mean lies between outcome_low and outcome_high in
-- nearly all bands.
with forecasts as (
    select
        *,
        ntile(10) over (partition by run_id, measure, horizon_days order by forecast, customer_id) as band
    from {{ ref('part_graded_forecast') }}
    where is_known
),

sums as (
    select
        run_id,
        measure,
        horizon_days,
        band,
        job,
        as_of_date,
        count(*) as customers,
        min(forecast) as forecast_min,
        max(forecast) as forecast_max,
        {{ exact_sum('forecast') }} / count(*) as forecast_mean,
        {{ exact_sum('outcome') }} / count(*) as outcome_mean,
        {{ exact_sum('outcome * outcome') }} / count(*) as outcome_square
    from forecasts
    group by run_id, measure, horizon_days, band, job, as_of_date
),

-- 95 % intervals of the mean outcome: Wilson's for a share, else the normal one.
intervals as (
    select
        *,
        case
            when measure = 'no_purchase' then (outcome_mean + 1.9208 / customers) / (1 + 3.8416 / customers)
            else outcome_mean
        end as centre,
        case
            when measure = 'no_purchase'
                then
                    1.96 * sqrt(outcome_mean * (1 - outcome_mean) / customers + 0.9604 / customers / customers)
                    / (1 + 3.8416 / customers)
            else 1.96 * sqrt(greatest(outcome_square - outcome_mean * outcome_mean, 0) / customers)
        end as margin
    from sums
),

final as (
    select
        run_id,
        measure,
        cast(horizon_days as int) as horizon_days,
        cast(band as int) as band,
        job,
        as_of_date,
        customers,
        {{ rounded('forecast_min', 6) }} as forecast_min,
        {{ rounded('forecast_max', 6) }} as forecast_max,
        {{ rounded('forecast_mean', 6) }} as forecast_mean,
        {{ rounded('outcome_mean', 6) }} as outcome_mean,
        {{ rounded('greatest(centre - margin, 0)', 6) }} as outcome_low,
        {{ rounded('centre + margin', 6) }} as outcome_high
    from intervals
)

select * from final
