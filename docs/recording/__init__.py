"""Makes the picture of the README's first screen: the public page beside the room."""
