-- Grain: one row per (customer_id, channel) of customers who have said something of marketing, or were deleted.
-- What was said, and known, by the as-of date. An export asks again, of all that has landed (models/export/).
with {{ customer_permissions(ref('customer_source_id'), by_as_of=true) }}
