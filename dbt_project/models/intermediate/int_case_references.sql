-- Grain: one row per (source system, case_id that it names) of which the case is known, perhaps from another system.
{{ references_to('cases', 'case_id') }}
