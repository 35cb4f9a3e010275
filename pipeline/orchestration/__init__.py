"""Airflow: its settings, the tasks, and runs without a scheduler."""
