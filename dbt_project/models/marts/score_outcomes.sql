-- Grain: one row per (run_id, measure, horizon_days): a published forecast whose horizon is over, beside what happened.
-- The bias is the mean of forecast less outcome over customers, with its 95 % interval. The reference is the constant
-- that nobody could know beforehand: the mean outcome, said of everybody.
with forecasts as (
    select
        *,
        case
            when measure = 'no_purchase' and is_known
                then -ln(greatest(case when outcome = 1 then forecast else 1 - forecast end, 1e-15))
        end as log_loss
    from {{ ref('part_graded_forecast') }}
),

sums as (
    select
        run_id,
        measure,
        job,
        model_version,
        as_of_date,
        window_end_date,
        horizon_days,
        count(*) as forecasts,
        count(outcome) as customers,
        {{ exact_sum('case when is_known then forecast end') }} as forecast_total,
        {{ exact_sum('outcome') }} as outcome_total,
        {{ exact_sum('outcome * outcome') }} as outcome_squares,
        {{ exact_sum('(forecast - outcome) * (forecast - outcome)') }} as error_squares,
        {{ exact_sum('log_loss') }} as log_losses,
        sum(is_within_interval) as within_interval
    from forecasts
    group by run_id, measure, job, model_version, as_of_date, window_end_date, horizon_days
),

means as (
    select
        *,
        forecast_total / customers as forecast_mean,
        outcome_total / customers as outcome_mean,
        (forecast_total - outcome_total) / customers as bias,
        error_squares / customers as mean_squared_error,
        outcome_squares / customers - outcome_total * outcome_total / customers / customers as variance,
        log_losses / customers as log_loss,
        within_interval / cast(customers as double) as interval_share
    from sums
    where customers > 0
),

judged as (
    select
        *,
        1.96 * sqrt(greatest(mean_squared_error - bias * bias, 0) / customers) as margin,
        case
            when measure = 'no_purchase' and outcome_mean > 0 and outcome_mean < 1
                then -outcome_mean * ln(outcome_mean) - (1 - outcome_mean) * ln(1 - outcome_mean)
        end as reference_log_loss
    from means
),

final as (
    select
        run_id,
        measure,
        job,
        model_version,
        as_of_date,
        window_end_date,
        cast(horizon_days as int) as horizon_days,
        cast(customers as bigint) as customers,
        cast(forecasts - customers as bigint) as merged_customers,
        {{ rounded('forecast_total', 4) }} as forecast_total,
        {{ rounded('outcome_total', 4) }} as outcome_total,
        {{ rounded('forecast_mean', 6) }} as forecast_mean,
        {{ rounded('outcome_mean', 6) }} as outcome_mean,
        {{ rounded('bias', 6) }} as bias,
        {{ rounded('bias - margin', 6) }} as bias_low,
        {{ rounded('bias + margin', 6) }} as bias_high,
        bias - margin > 0 or bias + margin < 0 as is_bias_certain,
        {{ rounded('mean_squared_error', 6) }} as mean_squared_error,
        {{ rounded('variance', 6) }} as reference_mean_squared_error,
        {{ rounded('log_loss', 6) }} as log_loss,
        {{ rounded('reference_log_loss', 6) }} as reference_log_loss,
        {{ rounded('interval_share', 6) }} as interval_share
    from judged
)

select * from final
