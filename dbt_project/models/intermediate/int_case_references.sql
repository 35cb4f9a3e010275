-- Grain: one row per (source system, case_id that it names), where that case is known, perhaps from another one.
{{ references_to('cases', 'case_id') }}
