-- Grain: one row per row of marts.release.
select
    release_id,
    release_id = getvariable('release_id') as is_this_release,
    as_of_date - getvariable('as_of') as days_from_as_of
from marts.release
