"""Data quality: structure, Great Expectations, SQL rules, row rules, and the gate that acts on them.

A contract states the rules with a severity and a reason; this package runs them and writes one tidy table of
results. It never repairs data: bad rows go to quarantine (``row_rules``), known upstream errors are mended by
``transform.corrections``.
"""
