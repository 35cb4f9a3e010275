{{ config(
    materialized='incremental',
    incremental_strategy='changed',
    unique_key=['source_system', 'order_id'],
    meta={'changed_in': 'int_changed_orders'},
    on_schema_change='fail',
) }}

-- Grain: one row per landed row of orders, with its fate.
{{ conform('orders') }}
