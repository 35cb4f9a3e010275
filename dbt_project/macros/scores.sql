{# What mining wrote for this build (or, with history, all published runs): Parquet files named by the build. #}
{% macro scores(job, history=false) -%}
    {%- set files = of_build('history_files' if history else 'score_files').get(job, []) -%}
    read_parquet([{{ text_list(files) }}], union_by_name = true, hive_partitioning = false)
{%- endmacro %}

{# The exact sum of a double, rounded to six digits: the same in any order of rows. #}
{% macro exact_sum(expression) -%}
    cast(sum(cast({{ expression }} as decimal(38, 6))) as double)
{%- endmacro %}
