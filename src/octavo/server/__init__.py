"""The program `octavo server`."""
