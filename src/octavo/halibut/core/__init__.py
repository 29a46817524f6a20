"""The protocol without sockets or clocks: bytes in, events out."""
