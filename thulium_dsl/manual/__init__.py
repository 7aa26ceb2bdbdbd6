"""The language explained: a key, a document, and the reference pages."""
