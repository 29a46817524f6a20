"""The kinds of resources, one a file; `all_kinds.py` lists them."""
