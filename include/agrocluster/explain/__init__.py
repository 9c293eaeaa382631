"""Sentences about the scores, in the languages of the product."""

from typing import Literal

Lang = Literal["en", "ru"]
LANGUAGES: tuple[Lang, ...] = ("en", "ru")
"""Named here, where nothing else is loaded: the command line offers them at every press of a key."""
