"""A file for each format of data; each reads lines from where they are."""
