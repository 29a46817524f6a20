"""Agents as the server sees them: connections, health, placement."""
