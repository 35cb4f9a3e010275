{# May a customer be contacted: false without a grant; null where no source has consents and part_customer_consent forbids nothing. #}
{% macro permission(columns) -%}
    {%- if var('providers').get('consents') -%}
    (
        {%- for column in columns %}coalesce({{ column }}, false){{ ' or ' if not loop.last }}{% endfor -%}
    )
    {%- else -%}
    case when consents.withheld_because is not null then false end
    {%- endif -%}
{%- endmacro %}

{# The Parquet files that a variable of the build names: arms of exported lists, records and addresses of a release. #}
{% macro files_of(variable) -%}{{ parquet_files(of_build(variable)) }}{%- endmacro %}
