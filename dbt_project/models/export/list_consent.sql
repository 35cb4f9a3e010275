-- Grain: one row per customer of list_permission, its channels side by side.
{{ channels_side_by_side(ref('list_permission')) }}
