-- Grain: one row per (record, release_number) that published the record as another customer than the releases before.
-- customer_id is null where the release had the record no more. as_of_date: of the release.
{{ config(materialized='view') }}

select
    source_record_key,
    source_system,
    customer_id,
    match_rule,
    matched_to,
    match_weight,
    evidence,
    model_version,
    as_of_date,
    release_number
from {{ identity_ledger() }}
where source_system in ({{ text_list(of_build('release').get('sources', [])) or "''" }})
