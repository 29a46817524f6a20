"""The commands `octavo` and `tentacle`, thin."""
