"""What the pipeline recovers of the truth, one module per subject."""
