"""The engineers' board: a page inside Airflow that says what is published, how fresh, how good, what is broken."""
