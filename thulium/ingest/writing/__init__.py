"""Texts written back into PAGE and ALTO files, and new files made of either."""
