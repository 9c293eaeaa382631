"""Files that people downloaded by hand: recognised by content, landed, staged and checked like any other fetch.

``recognise`` tells what a file is, ``inventory`` looks through a folder, ``plan`` dates and groups what it found,
``land`` brings it in; ``files_adapter`` does the same for the Dags. ``cli`` is the command ``agrocluster import``.
"""
