-- Grain: one row per landed row of products, with its fate.
with {{ conform('products') }}
