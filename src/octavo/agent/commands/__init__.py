"""The commands of `tentacle`, one file a family."""
