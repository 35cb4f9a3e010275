{#
  A status as seeds/order_status_words.csv has it, where it is looked up as a whole: without case, accents, blanks and signs
  ('on-hold' is also 'On Hold', 'ON_HOLD' and 'onHold'), and without WooCommerce's 'wc-'.
#}
{% macro status_key(status) -%}
    {{ without(without(without_accents(lower_case(status)), '^\\s*wc-'), '[^\\p{L}\\p{N}]+') }}
{%- endmacro %}

{# True for an order that its status calls unpaid or cancelled: neither a purchase nor sales. Without a status: false. #}
{% macro is_unsold(meaning) -%}
    coalesce({{ meaning }} in ('waiting', 'cancelled'), false)
{%- endmacro %}
