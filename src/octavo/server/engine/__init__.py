"""Durable execution: admits tasks and runs their plans."""
