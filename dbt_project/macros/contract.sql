{#
  The input contract: what every source maps its columns to (docs/adding_a_source.md explains each).

  key       columns that identify a row within its source system
  parents   entity that must have accepted the row of the same key, else the row is quarantined
  valued_by the entity whose rows say what this row is worth, and the column that says it where there are none
  columns   name: [type, required]; types are text, decimal (18,4), integer, boolean, date, timestamp
  allowed   column: the values it may have
#}
{% macro contract(entity=none) -%}
    {%- set entities = {
        'customers': {
            'key': ['source_customer_id'],
            'columns': {
                'source_customer_id': ['text', true],
                'kind': ['text', false],
                'country': ['text', false],
                'acquisition_channel': ['text', false],
                'created_at': ['timestamp', false],
            },
            'allowed': {'kind': ['person', 'household', 'organisation']},
        },
        'products': {
            'key': ['product_id'],
            'columns': {
                'product_id': ['text', true],
                'product_name': ['text', false],
                'department': ['text', false],
                'category': ['text', false],
                'brand': ['text', false],
                'list_price': ['decimal', false],
                'unit_cost': ['decimal', false],
            },
        },
        'orders': {
            'key': ['order_id'],
            'valued_by': ['order_lines', 'total_amount'],
            'columns': {
                'order_id': ['text', true],
                'source_customer_id': ['text', false],
                'channel': ['text', false],
                'status': ['text', false],
                'currency': ['text', false],
                'campaign_id': ['text', false],
                'total_amount': ['decimal', false],
                'discount_amount': ['decimal', false],
                'shipping_amount': ['decimal', false],
                'is_exact_repeat': ['boolean', false],
                'ordered_at': ['timestamp', true],
            },
        },
        'order_lines': {
            'key': ['order_id', 'line_number'],
            'parents': {'orders': 'order_id'},
            'columns': {
                'order_id': ['text', true],
                'line_number': ['integer', true],
                'product_id': ['text', false],
                'line_type': ['text', false],
                'quantity': ['decimal', false],
                'unit_price': ['decimal', false],
                'discount_amount': ['decimal', false],
                'coupon_discount_amount': ['decimal', false],
                'manufacturer_coupon_amount': ['decimal', false],
                'net_amount': ['decimal', true],
                'unit_cost': ['decimal', false],
                'is_exact_repeat': ['boolean', false],
                'ordered_at': ['timestamp', false],
            },
            'allowed': {'line_type': line_types()},
        },
        'returns': {
            'key': ['return_id'],
            'columns': {
                'return_id': ['text', true],
                'order_id': ['text', false],
                'line_number': ['integer', false],
                'source_customer_id': ['text', false],
                'product_id': ['text', false],
                'line_type': ['text', false],
                'reason': ['text', false],
                'quantity': ['decimal', false],
                'refund_amount': ['decimal', true],
                'recovered_amount': ['decimal', false],
                'is_exact_repeat': ['boolean', false],
                'returned_at': ['timestamp', true],
            },
            'allowed': {'line_type': line_types()},
        },
        'campaigns': {
            'key': ['campaign_id'],
            'columns': {
                'campaign_id': ['text', true],
                'objective': ['text', false],
                'channel': ['text', false],
                'offer': ['text', false],
                'budget': ['decimal', false],
                'unit_cost': ['decimal', false],
                'start_date': ['date', true],
                'end_date': ['date', false],
            },
        },
        'campaign_contacts': {
            'key': ['campaign_id', 'source_customer_id'],
            'columns': {
                'campaign_id': ['text', true],
                'source_customer_id': ['text', true],
                'arm': ['text', false],
                'sent_at': ['timestamp', false],
                'opened_at': ['timestamp', false],
                'clicked_at': ['timestamp', false],
                'responded_at': ['timestamp', false],
            },
            'allowed': {'arm': ['treated', 'control']},
        },
        'campaign_responses': {
            'key': ['response_id'],
            'columns': {
                'response_id': ['text', true],
                'campaign_id': ['text', false],
                'source_customer_id': ['text', true],
                'kind': ['text', false],
                'responded_at': ['timestamp', true],
            },
        },
    } -%}
    {%- if entity is none -%}
        {{ return(entities) }}
    {%- elif entity not in entities -%}
        {{ exceptions.raise_compiler_error("Unknown entity '" ~ entity ~ "'. The contract has: " ~ entities.keys() | sort | join(', ')) }}
    {%- endif -%}
    {{ return(entities[entity]) }}
{%- endmacro %}

{# What a line of an order can be. Only `sale_line_types` count as sales; fees and bad debt are booked beside them. #}
{% macro line_types() -%}
    {{ return(sale_line_types() + ['fee', 'bad_debt']) }}
{%- endmacro %}

{% macro sale_line_types() -%}
    {{ return(goods_line_types() + ['shipping', 'discount', 'adjustment']) }}
{%- endmacro %}

{# Lines that make an order a purchase. #}
{% macro goods_line_types() -%}
    {{ return(['product', 'gift_card']) }}
{%- endmacro %}

{# 'a', 'b' for an `in` list. #}
{% macro text_list(values) -%}
    {%- for value in values -%}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{# SQL type of a contract type. #}
{% macro contract_type(name) -%}
    {{ return({
        'text': api.Column.translate_type('string'),
        'decimal': 'decimal(18, 4)',
        'integer': 'bigint',
        'boolean': 'boolean',
        'double': 'double',
        'date': 'date',
        'timestamp': 'timestamp',
    }[name]) }}
{%- endmacro %}
