"""The protocol on asyncio and TLS."""
