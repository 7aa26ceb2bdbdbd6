"""Lines that nobody wrote: plausible archive text (text, words), in invented hands (hand), drawn (render)."""
