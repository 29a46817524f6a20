"""REST client, used by the agent's registration commands and our own tools."""
