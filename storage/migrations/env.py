"""Run by Alembic, in-process, on the connection that `upgrade` hands over; it leaves logging alone."""

from alembic import context

from storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
