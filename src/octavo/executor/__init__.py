"""Prepares and runs a step on a worker. Standard library only: also shipped as one zipapp."""
