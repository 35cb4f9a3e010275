-- Grain: one row per release: this one and the published ones of the same sources before it.
-- Rows of values: a select of its own for each release would be a plan of thousands of parts after ten years.
{% set text = contract_type('text') %}
{% set none_yet = {'release_id': '', 'as_of_date': '1970-01-01', 'code_version': '', 'input_hash': ''} %}

with listed (release_id, as_of_date, code_version, input_hash, sources, is_this_release) as (
    values
    {%- for release in of_build('releases') + [of_build('release')] %}
    (
        {%- for column in none_yet %}
        '{{ release.get(column, none_yet[column]) }}',
        {%- endfor %}
        '{{ release.get("sources", []) | join(",") }}',
        {{ 'true' if loop.last else 'false' }}
    ){{ ',' if not loop.last }}
    {%- endfor %}
)

select
    cast(release_id as {{ text }}) as release_id,
    cast(as_of_date as date) as as_of_date,
    cast(code_version as {{ text }}) as code_version,
    cast(input_hash as {{ text }}) as input_hash,
    cast(sources as {{ text }}) as sources,
    is_this_release
from listed
