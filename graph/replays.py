"""Which ids were used, for as long as they could be used again."""
