"""In and out: landing, build plan, audit, publish, lists. Plain Python, no Airflow."""
