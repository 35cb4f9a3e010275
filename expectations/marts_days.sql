-- Grain: one row per (source system, fact) with rows in the eight weeks up to the as-of date.
-- is_silent: nothing on the as-of date, though there are rows on 26 of the 28 days before it and, on each of the eight
-- same weekdays, usually ten or more. is_thin: less than a fifth of the usual fifty or more.
-- daily_facts: the rows of facts whose yml says is_daily. A source whose tables all say `volume: null` has such days.
with days as (
    select
        source_system,
        fact,
        day,
        count(*) as events,
        getvariable('as_of') - day as days_ago
    from daily_facts
    where
        day between getvariable('as_of') - 56 and getvariable('as_of') and known_date <= getvariable('as_of')
        and not coalesce(list_contains(getvariable('quiet_sources'), source_system), false)
    group by source_system, fact, day
),

histories as (
    select
        source_system,
        fact,
        coalesce(sum(events) filter (days_ago = 0), 0) as on_the_day,
        count(*) filter (days_ago between 1 and 28) as days_before,
        count(*) filter (days_ago > 0 and days_ago % 7 = 0) as same_weekdays,
        median(events) filter (days_ago > 0 and days_ago % 7 = 0) as usual
    from days
    group by source_system, fact
)

select
    source_system,
    fact,
    on_the_day,
    usual,
    coalesce(on_the_day = 0 and days_before >= 26 and same_weekdays = 8 and usual >= 10, false) as is_silent,
    coalesce(on_the_day > 0 and same_weekdays = 8 and usual >= 50 and on_the_day < usual / 5, false) as is_thin
from histories
