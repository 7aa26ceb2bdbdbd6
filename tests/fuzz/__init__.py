"""Broken input without end: valid files of every kind that Thulium reads, changed at random, and read.

    PYTHONPATH=tests python -m fuzz [CASES] [--only KIND,KIND] [--seed N] [--jobs N] [--keep FOLDER]

Every case must be read or refused with a ThuliumError, in two seconds of processor time and two GiB of memory. Whatever
else happens (another exception, a signal, no end) is a failure; its input is kept, and named so that it can be made
again. The documents go through the command line, see documents.py; the others through the functions that read them.
"""
