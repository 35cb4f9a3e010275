"""What is recorded of a published model beside its scores: errors by group, weeks, drift, the model card."""
