{# What mining wrote for this build (or, with history, all published runs): Parquet files named by the build. #}
{% macro scores(job, history=false) -%}
    {%- set files = of_build('history_files' if history else 'score_files').get(job, []) -%}
    {{ parquet_files(files) }}
{%- endmacro %}

{# The rows of Parquet files; a column that a file lacks is null in its rows. #}
{% macro parquet_files(files) -%}{{ return(adapter.dispatch('parquet_files')(files)) }}{%- endmacro %}
{% macro default__parquet_files(files) -%}
    read_parquet([{{ text_list(files) }}], union_by_name = true, hive_partitioning = false)
{%- endmacro %}
{% macro spark__parquet_files(files) -%}parquet.{{ quoted_path(files) }}{%- endmacro %}

{#
  Files as one path of Spark, quoted: a pattern, where there are several. Signs that mean something in a pattern are escaped.
  All lie under one folder.
#}
{% macro quoted_path(files) -%}
    {%- set paths = [] -%}
    {%- for file in files -%}
        {%- set path = namespace(text=file | replace('\\', '\\\\')) -%}
        {%- for sign in '{}[]*?,' -%}{%- set path.text = path.text | replace(sign, '\\' ~ sign) -%}{%- endfor -%}
        {%- do paths.append(path.text | replace('`', '``')) -%}
    {%- endfor -%}
    {%- if paths | unique | list | length < 2 -%}{{ return('`' ~ paths | first ~ '`') }}{%- endif -%}
    {%- set first, last, shared = paths | min, paths | max, namespace(length=0) -%}
    {%- for sign in first -%}
        {%- if sign == '/' and first[:loop.index] == last[:loop.index] -%}{%- set shared.length = loop.index -%}{%- endif -%}
    {%- endfor -%}
    {%- set names = [] -%}
    {%- for path in paths | unique -%}{%- do names.append(path[shared.length:]) -%}{%- endfor -%}
    {{ return('`' ~ first[:shared.length] ~ '{' ~ names | join(',') ~ '}`') }}
{%- endmacro %}

{# The exact sum of a double, rounded to six digits: the same in any order of rows. #}
{% macro exact_sum(expression) -%}
    cast(sum(cast({{ expression }} as decimal(38, 6))) as double)
{%- endmacro %}
