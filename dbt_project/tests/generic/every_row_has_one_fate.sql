{#
  Every row that a load received has one fate. Fails with each table of which this is not so: an early and readable form of
  the gate's check, which says what to write in the staging model.
#}
{% test every_row_has_one_fate(model) %}
    {%- if execute -%}
    {%- call statement('tables', fetch_result=True) -%}
    select
        source,
        table_name,
        sum(received - accepted - quarantined - duplicates - excluded) as unaccounted
    from {{ model }}
    group by source, table_name
    having sum(received - accepted - quarantined - duplicates - excluded) <> 0
    order by source, table_name
    {%- endcall -%}
    {%- set tables = load_result('tables').data -%}
    {%- if tables -%}
        {%- set sentences = [] -%}
        {%- for source, table, rows in tables -%}{%- do sentences.append(unaccounted(source, table, rows | int)) -%}{%- endfor -%}
        {%- do exceptions.raise_compiler_error(sentences | join(' ')) -%}
    {%- endif -%}
    {%- endif -%}
    select 1 as table_name where 1 = 0
{% endtest %}
