"""Learning from lines that nobody has transcribed: a model guesses of which kind of shape the hidden pieces are."""
