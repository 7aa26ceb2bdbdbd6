"""Lets commands die before, in and after each of their writes, and runs the same command again.

A process imports the engine once and forks a child for each death. In the child, an audit hook is told of all that
changes the file system. The process that runs tests has threads and cannot be forked, so this is a program of its own:

    PYTHONPATH=tests python -m deaths --help
"""
