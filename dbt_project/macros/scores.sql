{# What mining wrote for this build (or, with history, all published runs): Parquet files named by the build. #}
{% macro scores(job, history=false) -%}
    {%- set files = of_build('history_files' if history else 'score_files').get(job, []) -%}
    read_parquet([{{ text_list(files) }}], union_by_name = true, hive_partitioning = false)
{%- endmacro %}
