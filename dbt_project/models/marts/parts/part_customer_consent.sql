-- Grain: one row per customer who has said something of marketing, or was deleted: what each channel allows.
{{ channels_side_by_side(ref('customer_permission')) }}
