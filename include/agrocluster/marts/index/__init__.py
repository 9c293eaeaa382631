"""The index as arrays: its definition, its values, its state under drawn errors and choices, its scores.

Marts of the baseline read it; numbers come from finished marts, rules from the catalogue, formulas from ``measures``.
"""
