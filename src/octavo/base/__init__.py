"""Clock, errors and sensitive values. Uses nothing of ours."""
