-- Grain: one row per release: this one and the published ones of the same sources before it.
{% set columns = ['release_id', 'as_of_date', 'code_version', 'input_hash'] %}
{{ config(schema='ops') }}

{% for release in var('releases') + [var('release')] %}
select
    {%- for column in columns %}
    cast('{{ release.get(column, '') }}' as {{ contract_type('date' if column == 'as_of_date' else 'text') }}) as {{ column }},
    {%- endfor %}
    '{{ release.get("sources", []) | join(",") }}' as sources,
    {{ 'true' if loop.last else 'false' }} as is_this_release
{{ 'union all' if not loop.last }}
{%- endfor %}
