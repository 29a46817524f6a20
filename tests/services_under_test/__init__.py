"""The real services that tests run against, and the fixtures that hand them out."""
