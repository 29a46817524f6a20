"""The built-in feed."""
