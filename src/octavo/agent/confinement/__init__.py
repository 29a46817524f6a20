"""How far a job is kept from other jobs, from the agent and from the machine."""
