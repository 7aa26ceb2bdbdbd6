"""Small data sets with one fault each, what prepare is to do about it, and the page that shows what it printed."""
