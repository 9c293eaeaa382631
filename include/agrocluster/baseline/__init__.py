"""Baselines that stay what they were: freezing one of a release, listing them, and comparing two of them."""
