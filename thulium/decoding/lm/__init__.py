"""Language models of characters: n-grams, and the ARPA files that hold them."""
