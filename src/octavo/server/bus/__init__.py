"""Wake-ups, live news and questions between nodes: in process, or over NATS."""

from octavo.server.bus.bus import Bus, Handler, NobodyAnswers
from octavo.server.bus.memory_bus import MemoryBus

__all__ = ["Bus", "Handler", "MemoryBus", "NobodyAnswers"]
