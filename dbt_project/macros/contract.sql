{#
  The input contract: what every source maps its columns to (docs/adding_a_source.md explains each).

  key       columns that identify a row within its source system
  parents   entity that must have accepted the row of the same key, else the row is quarantined; a document of that entity
            that comes again replaces the rows that it has (macros/documents.sql)
  valued_by the entity whose rows say what this row is worth, and the column that says it where there are none
  changes_with  the model that names the keys that an incremental build judges again, and its key column
  columns   name: [type, required]; types are text, decimal (18,4), rate (18,8), integer, boolean, date, timestamp
  time      column that says when it happened: the row is known from then, where its load does not say better
  may_be_planned  its time may lie after the day on which it was read
  changes_are_dated  a row is delivered again in its ordinary life, and says by its own dates when it changed: it is known
            since its first version. Other rows that change are corrected, and known since the correction
  personal  columns that say who somebody is, or hold free text: published in contacts.duckdb or not at all
  words     column: {word: other spellings of it}; macros/words.sql
  positive  columns that are never negative: such a value is quarantined, for nothing says whether its sign or its
            meaning is another one. An adjustment is booked by hand and keeps its sign
  sizes     column: the amount from which it has been taken already. A minus beside a positive amount is how some write it
  allowed   column: the values it may have, once its words are read
  wins      column: the value that is right where rows share key and cursor, and differ in nothing else; without it all of
            them are quarantined
#}
{% macro contract(entity=none) -%}
    {%- set entities = {
        'customers': {
            'key': ['source_customer_id'],
            'time': 'created_at',
            'columns': {
                'source_customer_id': ['text', true],
                'kind': ['text', false],
                'given_name': ['text', false],
                'family_name': ['text', false],
                'full_name': ['text', false],
                'email': ['text', false],
                'phone': ['text', false],
                'loyalty_id': ['text', false],
                'street': ['text', false],
                'city': ['text', false],
                'postcode': ['text', false],
                'country': ['text', false],
                'acquisition_channel': ['text', false],
                'referred_by': ['text', false],
                'household_ref': ['text', false],
                'account_ref': ['text', false],
                'birth_date': ['date', false],
                'created_at': ['timestamp', false],
            },
            'changes_with': ['int_changed_records', 'source_customer_id'],
            'personal': [
                'given_name', 'family_name', 'full_name', 'email', 'phone', 'loyalty_id', 'street', 'city', 'postcode',
                'birth_date',
            ],
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
            'time': 'ordered_at',
            'valued_by': ['order_lines', 'total_amount'],
            'changes_with': ['int_changed_orders', 'order_id'],
            'columns': {
                'order_id': ['text', true],
                'source_customer_id': ['text', false],
                'channel': ['text', false],
                'seller_channel': ['text', false],
                'status': ['text', false],
                'currency': ['text', false],
                'campaign_id': ['text', false],
                'total_amount': ['decimal', false],
                'discount_amount': ['decimal', false],
                'discount_tax_amount': ['decimal', false],
                'shipping_amount': ['decimal', false],
                'shipping_tax_amount': ['decimal', false],
                'tax_amount': ['decimal', false],
                'prices_include_tax': ['boolean', false],
                'is_exact_repeat': ['boolean', false],
                'ordered_at': ['timestamp', true],
            },
            'positive': ['discount_amount', 'discount_tax_amount'],
        },
        'order_lines': {
            'key': ['order_id', 'line_number'],
            'parents': {'orders': 'order_id'},
            'changes_with': ['int_changed_orders', 'order_id'],
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
                'tax_amount': ['decimal', false],
                'unit_cost': ['decimal', false],
                'is_exact_repeat': ['boolean', false],
                'ordered_at': ['timestamp', false],
            },
            'sizes': {'discount_amount': 'net_amount'},
            'allowed': {'line_type': line_types()},
        },
        'payments': {
            'key': ['payment_id'],
            'time': 'paid_at',
            'columns': {
                'payment_id': ['text', true],
                'order_id': ['text', false],
                'method': ['text', false],
                'currency': ['text', false],
                'amount': ['decimal', true],
                'is_failed': ['boolean', false],
                'paid_at': ['timestamp', true],
            },
        },
        'returns': {
            'key': ['return_id'],
            'time': 'returned_at',
            'changes_with': ['int_changed_returns', 'return_id'],
            'columns': {
                'return_id': ['text', true],
                'order_id': ['text', false],
                'line_number': ['integer', false],
                'source_customer_id': ['text', false],
                'product_id': ['text', false],
                'line_type': ['text', false],
                'reason': ['text', false],
                'currency': ['text', false],
                'quantity': ['decimal', false],
                'refund_amount': ['decimal', true],
                'tax_amount': ['decimal', false],
                'recovered_amount': ['decimal', false],
                'is_exact_repeat': ['boolean', false],
                'returned_at': ['timestamp', true],
            },
            'positive': ['refund_amount'],
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
            'time': 'sent_at',
            'changes_are_dated': true,
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
            'time': 'responded_at',
            'columns': {
                'response_id': ['text', true],
                'campaign_id': ['text', false],
                'source_customer_id': ['text', true],
                'kind': ['text', false],
                'responded_at': ['timestamp', true],
            },
        },
        'subscriptions': {
            'key': ['subscription_id'],
            'time': 'started_at',
            'may_be_planned': true,
            'changes_are_dated': true,
            'columns': {
                'subscription_id': ['text', true],
                'source_customer_id': ['text', true],
                'plan': ['text', false],
                'billing_period': ['text', false],
                'end_reason': ['text', false],
                'price': ['decimal', false],
                'started_at': ['timestamp', true],
                'ended_at': ['timestamp', false],
            },
        },
        'contacts': {
            'key': ['contact_id'],
            'time': 'contacted_at',
            'columns': {
                'contact_id': ['text', true],
                'source_customer_id': ['text', false],
                'channel': ['text', true],
                'direction': ['text', false],
                'reason': ['text', false],
                'agent_id': ['text', false],
                'outcome': ['text', false],
                'case_id': ['text', false],
                'order_id': ['text', false],
                'campaign_id': ['text', false],
                'wait_seconds': ['integer', false],
                'handle_seconds': ['integer', false],
                'cost_amount': ['decimal', false],
                'is_abandoned': ['boolean', false],
                'contacted_at': ['timestamp', true],
            },
            'allowed': {'direction': ['in', 'out']},
        },
        'cases': {
            'key': ['case_id'],
            'time': 'opened_at',
            'changes_are_dated': true,
            'columns': {
                'case_id': ['text', true],
                'source_customer_id': ['text', false],
                'kind': ['text', false],
                'reason': ['text', false],
                'reopened_count': ['integer', false],
                'compensation_amount': ['decimal', false],
                'opened_at': ['timestamp', true],
                'first_response_at': ['timestamp', false],
                'resolved_at': ['timestamp', false],
            },
        },
        'survey_responses': {
            'key': ['response_id'],
            'time': 'responded_at',
            'columns': {
                'response_id': ['text', true],
                'source_customer_id': ['text', false],
                'kind': ['text', true],
                'case_id': ['text', false],
                'comment': ['text', false],
                'score': ['integer', true],
                'responded_at': ['timestamp', true],
            },
            'personal': ['comment'],
            'allowed': {'kind': ['nps', 'csat', 'ces']},
        },
        'consents': {
            'key': ['source_customer_id', 'channel', 'purpose', 'changed_at'],
            'time': 'changed_at',
            'columns': {
                'source_customer_id': ['text', true],
                'channel': ['text', true],
                'purpose': ['text', true],
                'status': ['text', true],
                'changed_at': ['timestamp', true],
            },
            'words': consent_words(),
            'wins': {'status': 'withdrawn'},
            'allowed': {'channel': consent_channels() + ['all', 'other'], 'status': ['granted', 'withdrawn']},
        },
        'web_events': {
            'key': ['event_id'],
            'time': 'occurred_at',
            'columns': {
                'event_id': ['text', true],
                'anonymous_id': ['text', true],
                'source_customer_id': ['text', false],
                'type': ['text', false],
                'page': ['text', false],
                'referrer': ['text', false],
                'campaign_id': ['text', false],
                'occurred_at': ['timestamp', true],
            },
            'personal': ['page', 'referrer'],
        },
        'opportunities': {
            'key': ['opportunity_id'],
            'time': 'opened_at',
            'changes_are_dated': true,
            'columns': {
                'opportunity_id': ['text', true],
                'source_customer_id': ['text', false],
                'stage': ['text', false],
                'owner_id': ['text', false],
                'amount': ['decimal', false],
                'is_won': ['boolean', false],
                'opened_at': ['timestamp', true],
                'closed_at': ['timestamp', false],
            },
        },
        'costs': {
            'key': ['cost_id'],
            'columns': {
                'cost_id': ['text', true],
                'kind': ['text', true],
                'channel': ['text', false],
                'campaign_id': ['text', false],
                'currency': ['text', false],
                'amount': ['decimal', true],
                'period_start_date': ['date', true],
            },
            'allowed': {'kind': ['acquisition', 'selling', 'service', 'retention']},
        },
        'fx_rates': {
            'key': ['rate_date', 'from_currency', 'to_currency'],
            'columns': {
                'from_currency': ['text', true],
                'to_currency': ['text', true],
                'rate': ['rate', true],
                'rate_date': ['date', true],
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
        'rate': 'decimal(18, 8)',
        'integer': 'bigint',
        'boolean': 'boolean',
        'double': 'double',
        'date': 'date',
        'timestamp': 'timestamp',
    }[name]) }}
{%- endmacro %}
