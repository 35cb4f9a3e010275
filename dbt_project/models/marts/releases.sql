-- Grain: one row per release: this one and the published ones of the same sources before it.
{% set text = contract_type('text') %}
{{ config(schema='ops') }}

{% for release in of_build('releases') + [of_build('release')] %}
select
    cast('{{ release.get("release_id", "") }}' as {{ text }}) as release_id,
    cast('{{ release.get("as_of_date", "1970-01-01") }}' as date) as as_of_date,
    cast('{{ release.get("code_version", "") }}' as {{ text }}) as code_version,
    cast('{{ release.get("input_hash", "") }}' as {{ text }}) as input_hash,
    '{{ release.get("sources", []) | join(",") }}' as sources,
    {{ 'true' if loop.last else 'false' }} as is_this_release
{{ 'union all' if not loop.last }}
{%- endfor %}
