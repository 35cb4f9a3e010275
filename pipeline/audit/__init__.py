"""The gate: Great Expectations at the two borders, what lands and what is published. dbt tests own the inside."""

from pipeline.audit.gate import audit_landing, audit_marts

__all__ = ["audit_landing", "audit_marts"]
