"""The atlas: a release as static pages for people who run clusters. They open from a folder, without a server.

``content`` reads a release, ``words`` are the languages, ``view`` joins both; ``views`` and ``maps`` say what a page
shows, the templates how, ``charts`` and ``quadrants`` draw it, ``site`` writes the folder. Nothing here measures
anything: every figure is a column of a mart.
"""
