-- Grain: one row per (source system, case_id that it names), where that case is known, perhaps from another system.
{{ references_to('cases', 'case_id') }}
