"""What server and agent say to each other: data and Protocols only.

Source: tentacle-services.md §1.4 and §2; `octavo_script_service` is ours, offered beside the standard services.
"""
