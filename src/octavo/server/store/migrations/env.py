"""Alembic's entry: runs the migrations on the connection, in the transaction, that `store/migrating.py` hands over."""

from alembic import context

from octavo.server.store import project_schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=project_schema.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
