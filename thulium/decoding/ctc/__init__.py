"""Decoding of connectionist temporal classification: the best path, and prefix beam search."""
