"""What the agent offers over the wire. Each class implements a Protocol of `octavo.contracts`."""
