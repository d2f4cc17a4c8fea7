"""Past runs: their folders, the index over all of them, and what people ask about them."""
