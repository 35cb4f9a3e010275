-- Grain: one row per (source system, its customer id) whose rows of customers an incremental build judges again; none
-- in a full build.
{{ changed_keys(['customers'], 'source_customer_id') }}
