-- Grain: one row: what this release is.
{% set release = of_build('release') %}

select
    '{{ release.get("release_id", "") }}' as release_id,
    {{ as_of_date() }} as as_of_date,
    '{{ release.get("code_version", "") }}' as code_version,
    '{{ release.get("input_hash", "") }}' as input_hash,
    '{{ release.get("sources", []) | join(",") }}' as sources,
    '{{ var("currency") }}' as currency,
    '{{ var("time_zone") }}' as time_zone,
    cast(null as int) as checks_passed
