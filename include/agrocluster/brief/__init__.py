"""The brief of a country: four printed pages for people who decide, as PDF, from the same release as the atlas.

``pages`` says what stands on each page, ``words`` in which words, ``typeset`` makes the PDF of it (``brief.typ`` is its
layout). Charts, names and figures are those of the atlas; nothing here measures anything.
"""
