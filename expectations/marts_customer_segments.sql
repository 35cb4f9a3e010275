-- Grain: one row per row of marts.customer_segments.
select
    customer_id,
    recency_score,
    frequency_score,
    monetary_score,
    (recency_score is null) <> (frequency_score is null)
    or (recency_score is null) <> (monetary_score is null)
    or (recency_score is null) <> (segment_id is null) as is_partly_scored
from marts.customer_segments
