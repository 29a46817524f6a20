"""The program `tentacle`."""
