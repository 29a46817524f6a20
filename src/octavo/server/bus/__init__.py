"""Wake-ups and live news between nodes."""
