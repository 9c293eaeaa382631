"""The practitioner overlay (method 9.10): what a cluster manager knows and no database does.

A form of scales with evidence, checked row by row, kept in versions and shown beside the score. It never enters it.
"""
