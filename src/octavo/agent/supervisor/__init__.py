"""Runs one script per process, apart from the agent. Standard library only: the launcher starts small and forks fast.

launcher ► supervise ► script_process | process_tree | log_writer | news ► job_folder | line_splitter ► log_format
Source: docs/decisions/0020-supervisor-per-ticket.md.
"""
