"""All tables, as they are at the first release.

Until that release there are no databases to upgrade, so this migration makes whatever `schema.py` and
`project_schema.py` say. At the release it is frozen into explicit operations, and changes go into migrations of their
own.
"""

from alembic import op

from octavo.server.store import project_schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    project_schema.metadata.create_all(op.get_bind())
