"""How much each touchpoint takes part in the ways that lead to purchases. Description, not cause."""
