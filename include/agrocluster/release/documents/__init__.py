"""What lies beside the marts of a release so that people and tools understand them.

One module writes one kind of document; ``register`` names them all. All are rendered from the manifest and the marts
themselves, so they cannot disagree with them, and equal releases give equal bytes: nothing here reads a clock.
"""
