-- Grain: one row per (from_stage, to_stage): of the months of the last year that began in a stage, the share that ended
-- in another. The shares of a stage sum to 1. Stages with too few customers are withheld.
{% set fewest = of_build('smallest_group') %}

with scores as (
    select
        *,
        customers >= {{ fewest }} as is_shown
    from {{ scores('stage_transitions') }}
)

select
    from_stage,
    to_stage,
    {{ as_of_date() }} as as_of_date,
    customers,
    months,
    case when is_shown then moves end as moves,
    case when is_shown then probability end as probability,
    case when is_shown then probability_low end as probability_low,
    case when is_shown then probability_high end as probability_high,
    case when is_shown then expected_months end as expected_months,
    case when is_shown then expected_months_low end as expected_months_low,
    case when is_shown then expected_months_high end as expected_months_high,
    case when not is_shown then 'of too few customers' end as unavailable_reason
from scores
