"""The agent's side of jobs: tickets, workspaces, isolation, starting, re-attaching, reading logs.

registry ► job ► launching | isolation | workspace | output_log | news. `services/` speaks to `registry` only.
"""
