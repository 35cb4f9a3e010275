{# May a customer be contacted: false without a grant, null only where no active source provides consents. #}
{% macro permission(columns) -%}
    {%- if var('providers').get('consents') -%}
    (
        {%- for column in columns %}coalesce({{ column }}, false){{ ' or ' if not loop.last }}{% endfor -%}
    )
    {%- else -%}
    cast(null as boolean)
    {%- endif -%}
{%- endmacro %}

{# Why a permission is null or false; null where one is given. #}
{% macro consent_reason() -%}
    {%- if var('providers').get('consents') -%}
    case
        when consents.customer_id is null then 'no marketing consent on record'
        when not (consents.can_email or consents.can_post or consents.can_call or consents.can_text)
            then 'every marketing consent withdrawn'
    end
    {%- else -%}
    'no active source provides consents'
    {%- endif -%}
{%- endmacro %}

{# Days without a campaign after each campaign contact. #}
{% macro contact_pause_days() -%}14{%- endmacro %}
