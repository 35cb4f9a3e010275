{#
  The schemas are the contract: core, marts, ops …, without a prefix of the target. Only on a Thrift server, which several homes
  may share, do they begin with the name of theirs (pipeline/build/spark/server.py).
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{- env_var('CRM_SCHEMA_PREFIX', '') ~ (custom_schema_name or target.schema) -}}
{%- endmacro %}
