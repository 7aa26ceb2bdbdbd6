"""What is wrong with a document, as data and as text."""
